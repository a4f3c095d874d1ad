import { expect, test } from 'vitest';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { serviceKind } from '../../../src/provisioners/service.ts';
import { readInstallSection } from '../../../src/provisioners/service/install-section.ts';
import { FakeMachine, stepRunContext, type ScriptedAnswer } from '../../rigs/fake-machine.ts';
import { failuresOf, optionsOf } from '../../rigs/kind-options.ts';

const UNIT = '[Service]\nExecStart=/bin/app\n\n[Install]\nWantedBy=multi-user.target\nAlias=web.service\n';

const effect = (options: Record<string, unknown>) => serviceKind.effect(optionsOf(serviceKind, options));

test('only writing needs no machine: units, drop-ins, masks and enabling a unit whose text is here', () => {
  expect(
    effect({ units: { 'app.service': UNIT }, enable: ['app'], mask: ['x'], dropIns: { nginx: '[Unit]\n' } }),
  ).toBe('write');
  expect(effect({ enable: ['nginx'] })).toBe('run');
  expect(effect({ disable: ['nginx'] })).toBe('run');
  expect(effect({ unmask: ['nginx'] })).toBe('run');
  // Only the host has its text, and what it says is not known before the step.
  expect(effect({ units: { 'app.service': { source: 'app.service' } }, enable: ['app'] })).toBe('run');
  expect(effect({ units: { 'app@.service': UNIT }, enable: ['app@.service'] })).toBe('run');
});

test('what is written', async () => {
  const options = optionsOf(serviceKind, {
    units: { 'app.service': UNIT },
    enable: ['app'],
    mask: ['getty@tty1'],
    dropIns: { nginx: '[Service]\nRestart=always\n' },
  });
  const entries = unwrap((await serviceKind.entries?.(options, stepRunContext())) ?? { ok: true, value: [] });
  expect(
    entries.map((entry) => (entry.type === 'symlink' ? `${entry.path} -> ${entry.target}` : entry.path)),
  ).toEqual([
    '/etc/systemd/system/app.service',
    '/etc/systemd/system/nginx.service.d/50-imgpipe.conf',
    '/etc/systemd/system/getty@tty1.service -> /dev/null',
    '/etc/systemd/system/multi-user.target.wants/app.service -> /etc/systemd/system/app.service',
    '/etc/systemd/system/web.service -> /etc/systemd/system/app.service',
  ]);
});

test.each([
  ['no section', '[Service]\n', undefined],
  ['more than links', '[Install]\nWantedBy=a.target\nAlso=b.socket\n', undefined],
  ['a specifier', '[Install]\nWantedBy=%i.target\n', undefined],
  [
    'fields of other sections',
    '[Unit]\nWantedBy=x\n[Install]\nRequiredBy = a.target b.target\n',
    { wantedBy: [], requiredBy: ['a.target', 'b.target'], aliases: [] },
  ],
  [
    'an empty value takes back',
    '[Install]\nWantedBy=a.target\nWantedBy=\nWantedBy=b.target\n',
    { wantedBy: ['b.target'], requiredBy: [], aliases: [] },
  ],
  [
    'comments and continued lines',
    '[Install]\n# WantedBy=no\nWantedBy=a.target \\\n  b.target\n',
    { wantedBy: ['a.target', 'b.target'], requiredBy: [], aliases: [] },
  ],
])('an [Install] section with %s', (_what, text, expected) => {
  expect(readInstallSection(text)).toEqual(expected);
});

async function run(options: Record<string, unknown>, answers: readonly ScriptedAnswer[] = []) {
  const machine = new FakeMachine({}, answers);
  const result = await serviceKind.run?.(optionsOf(serviceKind, options), machine, stepRunContext());
  return { machine, result };
}

test('systemctl does the rest, after the files are there', async () => {
  const { machine } = await run({
    enable: ['nginx', 'app.timer'],
    disable: ['ssh'],
    mask: ['x'],
    dropIns: { nginx: 'a\n' },
  });
  expect(machine.words.map((words) => words.replace(/^.* imgpipe /, ''))).toEqual([
    'systemctl disable ssh.service',
    'systemctl enable nginx.service app.timer',
    'systemctl mask x.service',
  ]);
  expect([...machine.files.keys()]).toEqual(['/etc/systemd/system/nginx.service.d/50-imgpipe.conf']);
});

test('a unit that does not exist: nearest name', async () => {
  const { result } = await run({ enable: ['ngnix'] }, [
    { when: /enable/, code: 1, stderr: 'Failed to enable unit, unit ngnix.service does not exist.\n' },
    { when: /list-unit-files/, stdout: 'nginx.service enabled enabled\nssh.service disabled enabled\n' },
  ]);
  expect(failuresOf(result)).toMatchObject([
    {
      message: 'cannot enable "ngnix.service": the image has no such unit',
      hint: 'Did you mean "nginx.service"?',
    },
  ]);
});

test('an image without systemd is told so', async () => {
  const { result } = await run({ enable: ['nginx'] }, [
    { when: /systemctl/, code: 127, stderr: 'sh: exec: systemctl: not found' },
  ]);
  expect(failuresOf(result)).toMatchObject([
    { message: 'the image has no systemctl', hint: expect.stringContaining('systemd-sysv') },
  ]);
});
