import { existsSync, readdirSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { DiffReport } from '../../../src/report/diff/diff-report.ts';
import { addTinyRoot, CliProject } from '../../rigs/cli.ts';
import { noWorkspace } from '../../rigs/workspace.ts';
import { endOfFile } from '../../rigs/end-of-file.ts';

const PACKAGE = (name: string, version: string): string =>
  `Package: ${name}\\nStatus: install ok installed\\nArchitecture: all\\nVersion: ${version}\\n\\n`;

const template = (options: Record<'bash' | 'motd' | 'mode' | 'extra' | 'service', string>): string => `
source: { type: rootfs, path: tiny.tar }
steps:
  - type: shell
    name: packages
    inline: "mkdir -p /var/lib/dpkg; printf '${PACKAGE('bash', options.bash)}${PACKAGE('sed', '4')}' > /var/lib/dpkg/status"
  - type: shell
    name: accounts
    inline: "echo 'app:x:900:900::/srv:/bin/sh' >> /etc/passwd; ${options.extra}"
  - { type: file, name: motd, path: /etc/motd, content: "${options.motd}", mode: "${options.mode}" }
  - { type: service, name: app, units: { app.service: "[Service]\\nExecStart=/bin/sh\\n[Install]\\nWantedBy=multi-user.target\\n" }${options.service} }
exports:
  - { type: rootfs-tar }
`;

const OLD = { bash: '5.1', motd: 'old', mode: '0644', extra: 'true', service: '' };
const NEW = {
  bash: '5.2',
  motd: 'new words',
  mode: '0600',
  extra: "echo 'db:x:901:901::/srv:/bin/sh' >> /etc/passwd; rm /etc/os-release",
  service: ', enable: [app.service], mask: [getty.service]',
};

const atEnd = endOfFile();

describe.skipIf(noWorkspace !== undefined)('imgpipe diff', () => {
  let project: CliProject;
  let first = '';

  const diff = async (...args: string[]): Promise<DiffReport> => {
    const { code, stdout, stderr } = await project.run('diff', '--json', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [report] = JSON.parse(stdout) as DiffReport[];
    if (report === undefined) throw new Error('no report');
    return report;
  };

  beforeAll(async () => {
    project = new CliProject({ 'pipelines/web.yaml': template(OLD) }, { onEnd: atEnd });
    addTinyRoot(project);
    expect(await project.build()).toMatchObject({ code: 0 });
    first = readdirSync(project.path('cache/logs'))[0] ?? '';
    await project.run('build', '--output', project.path('kept'), '--ui=plain');
    project.write('pipelines/web.yaml', template(NEW));
    expect(await project.build()).toMatchObject({
      code: 0,
      built: expect.arrayContaining(['motd']) as string[],
    });
  });

  test('names packages, users, units, files, sizes and the step behind each', async () => {
    const report = await diff('web');
    expect(report).toMatchObject({
      same: false,
      before: { name: expect.stringContaining(':web') as string },
    });
    expect(report.packages).toEqual([{ name: 'bash', before: '5.1', after: '5.2', step: 'web/packages' }]);
    expect(report.users).toEqual([
      { name: 'db', after: 'uid 901, gid 901, home /srv, shell /bin/sh', step: 'web/accounts' },
    ]);
    expect(report.units).toEqual([
      { name: 'app.service', before: 'disabled', after: 'enabled', step: 'web/app' },
      { name: 'getty.service', after: 'masked', step: 'web/app' },
    ]);
    expect(report.steps.map(({ step }) => step)).toEqual([
      'web/packages',
      'web/accounts',
      'web/motd',
      'web/app',
    ]);
    const file = (path: string) => report.files.find((each) => each.path === path);
    expect(file('/etc/motd')).toMatchObject({
      change: 'changed',
      aspects: ['content', 'mode'],
      before: { mode: '0644', size: 3 },
      after: { mode: '0600', size: 9 },
      step: 'web/motd',
    });
    expect(file('/etc/os-release')).toMatchObject({ change: 'removed', step: 'web/accounts' });
    expect(file('/usr/bin/sh')).toBeUndefined();
    expect(report.artifacts).toMatchObject([{ name: 'rootfs-tar' }]);
    expect(report.size.after).not.toBe(report.size.before);
  });

  test('takes runs, files, folders, digests and steps', async () => {
    const whole = await diff('web');
    const strip = ({ packages, files, users }: DiffReport) => ({ packages, files, users });
    expect(strip(await diff(first, 'web'))).toEqual(strip(whole));
    expect(strip(await diff('kept/web', 'output/web'))).toEqual(strip(whole));
    const archive = readdirSync(project.path('kept/web')).find((name) => name.includes('.tar')) ?? '';
    expect(existsSync(project.path(`output/web/${archive}`))).toBe(true);
    expect(strip(await diff(`kept/web/${archive}`, `output/web/${archive}`))).toEqual(strip(whole));
    const motd = whole.before.layers.find(({ step }) => step === 'web/motd')?.digest ?? '';
    const layer = await diff(motd.slice('sha256:'.length, -40), 'motd');
    expect(layer.files.map(({ path }) => path)).toEqual(['/etc/motd']);
    expect(layer.packages).toEqual([]);
    expect(await diff('output/web', 'web')).toMatchObject({ same: true, packages: [], artifacts: [] });
  });

  test('as text; the exit code can say that something differs', async () => {
    const { code, stdout } = await project.run('diff', 'web', '--exit-code');
    expect(code).toBe(1);
    expect(stdout).toContain('~ bash 5.1 → 5.2  [web/packages]');
    expect(stdout).toContain('~ /etc/motd: content, 3 → 9 bytes, mode 0644 → 0600  [web/motd]');
    expect(stdout).toContain('- /etc/os-release (file 0644 0:0');
    expect(await project.run('diff', 'web', 'web', '--exit-code')).toMatchObject({
      code: 0,
      stdout: 'web → web\n  no difference\n',
    });
  });

  test('says what a name could have been', async () => {
    const cases: [string[], string][] = [
      [['web', 'nothing'], 'there is no step `nothing`'],
      [['sha256:012345', 'web'], 'there is no layer'],
      [['20200101-000000-abcdef', 'web'], 'nothing is known of what the run'],
      [['./pipelines/tiny.tar', 'web'], 'there is no manifest.json beside it'],
      [['motd'], 'not the image of one pipeline'],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await project.run('diff', ...args);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) as string });
    }
  });
});
