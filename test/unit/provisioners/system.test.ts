import { expect, test } from 'vitest';
import { unwrap } from '../../../src/diagnostics/failure.ts';
import { fstabKind } from '../../../src/provisioners/fstab.ts';
import { hostnameKind } from '../../../src/provisioners/hostname.ts';
import { kernelArgsKind } from '../../../src/provisioners/kernel-args.ts';
import { localeKind } from '../../../src/provisioners/locale.ts';
import type { ProvisionerKind } from '../../../src/provisioners/provisioner.ts';
import { sysctlKind } from '../../../src/provisioners/sysctl.ts';
import { timezoneKind } from '../../../src/provisioners/timezone.ts';
import { FakeMachine, stepRunContext } from '../../rigs/fake-machine.ts';
import { failuresOf, optionsOf } from '../../rigs/kind-options.ts';

/** Texts by path of the files that a step writes. */
async function written(
  kind: ProvisionerKind,
  options: Record<string, unknown>,
): Promise<Record<string, string>> {
  const result = await kind.entries?.(optionsOf(kind, options), stepRunContext());
  if (result === undefined) throw new Error('no entries');
  return Object.fromEntries(
    unwrap(result).map((entry) => [
      entry.path,
      entry.type === 'file' && entry.content.type === 'text' ? entry.content.text : '',
    ]),
  );
}

test('a host name with its domain', async () => {
  const files = await written(hostnameKind, {
    hostname: 'web1.example.org',
    hosts: { '10.0.0.2': ['db1', 'db'] },
  });
  expect(files['/etc/hostname']).toBe('web1.example.org\n');
  expect(files['/etc/hosts']?.split('\n')).toEqual(
    expect.arrayContaining(['127.0.1.1\tweb1.example.org web1', '10.0.0.2\tdb1 db']),
  );
  expect((await written(hostnameKind, { hostname: 'a' }))['/etc/hosts']).toContain('127.0.1.1\ta\n');
});

test('several kernel-args and sysctl steps never share a file unless they say so', async () => {
  const [one] = Object.entries(await written(kernelArgsKind, { args: ['a', 'b=1'] }));
  const [two] = Object.entries(await written(kernelArgsKind, { args: ['c'] }));
  expect(one?.[0]).toMatch(/^\/etc\/kernel\/cmdline\.d\/50-imgpipe-[0-9a-f]{8}\.conf$/);
  expect(one?.[1]).toBe('a b=1\n');
  expect(one?.[0]).not.toBe(two?.[0]);
  expect(
    await written(sysctlKind, { values: { 'vm.swappiness': 10, 'net.ipv4.ip_forward': '1' }, file: '90-x' }),
  ).toEqual({
    '/etc/sysctl.d/90-x.conf': 'net.ipv4.ip_forward = 1\nvm.swappiness = 10\n',
  });
});

test('fstab lines', async () => {
  const mounts = [
    { device: 'LABEL=data', target: '/srv', fsType: 'ext4', options: ['noatime', 'nofail'], pass: 2 },
  ];
  expect(await written(fstabKind, { mounts })).toEqual({
    '/etc/fstab': 'LABEL=data\t/srv\text4\tnoatime,nofail\t0\t2\n',
  });
});

test('a locale is added to locale.gen once and generated', async () => {
  const machine = new FakeMachine({
    '/usr/share/i18n/SUPPORTED': 'de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\n',
    '/etc/locale.gen': '# de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8',
  });
  const options = optionsOf(localeKind, { locale: 'de_DE.UTF-8', generate: ['en_US.UTF-8'] });
  expect(await localeKind.run?.(options, machine, stepRunContext())).toMatchObject({ ok: true });
  expect(machine.files.get('/etc/locale.gen')?.content).toBe(
    '# de_DE.UTF-8 UTF-8\nen_US.UTF-8 UTF-8\nde_DE.UTF-8 UTF-8\n',
  );
  expect(machine.words.some((words) => words.endsWith('locale-gen'))).toBe(true);
  expect(machine.files.get('/etc/default/locale')?.content).toBe('LANG=de_DE.UTF-8\n');
});

test('C.UTF-8 needs nothing; others need the package; unknown ones name the nearest', async () => {
  const plain = new FakeMachine();
  expect(
    await localeKind.run?.(optionsOf(localeKind, { locale: 'C.UTF-8' }), plain, stepRunContext()),
  ).toMatchObject({ ok: true });
  expect(plain.commands).toEqual([]);
  const german = optionsOf(localeKind, { locale: 'de_ED.UTF-8' });
  expect(failuresOf(await localeKind.run?.(german, plain, stepRunContext()))).toMatchObject([
    { hint: expect.stringContaining('package locales') },
  ]);
  const machine = new FakeMachine({ '/usr/share/i18n/SUPPORTED': 'de_DE.UTF-8 UTF-8\n' });
  expect(failuresOf(await localeKind.run?.(german, machine, stepRunContext()))).toMatchObject([
    { hint: 'Did you mean "de_DE.UTF-8"?' },
  ]);
});

test('a time zone must be there; UTC needs no database', async () => {
  const absent = { when: /ln -sfn/, code: 44 };
  const others = { when: /zoneinfo; find/, stdout: 'Europe/Berlin\nUTC\n' };
  const run = (timezone: string, machine: FakeMachine) =>
    timezoneKind.run?.(optionsOf(timezoneKind, { timezone }), machine, stepRunContext());
  const machine = new FakeMachine();
  expect(await run('Europe/Berlin', machine)).toMatchObject({ ok: true });
  expect(machine.files.get('/etc/timezone')?.content).toBe('Europe/Berlin\n');
  expect(failuresOf(await run('Europe/Berln', new FakeMachine({}, [absent, others])))).toMatchObject([
    { hint: 'Did you mean "Europe/Berlin"?' },
  ]);
  expect(await run('UTC', new FakeMachine({}, [absent]))).toMatchObject({ ok: true });
  expect(failuresOf(await run('Europe/Berlin', new FakeMachine({}, [absent])))).toMatchObject([
    { hint: expect.stringContaining('tzdata') },
  ]);
});
