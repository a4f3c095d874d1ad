import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { builtinKinds } from '../../src/builtins.ts';
import type { CliProject } from './cli.ts';

/** Where the step kinds are tried: a Debian with systemd, OpenSSH and time zones. */
export interface StepGround {
  readonly project: CliProject;
  /** Lines of a template: its builder and source. */
  readonly head: string;
  /** Options of the `package` step; it must leave `netbase` out. */
  readonly packages: string;
  /** Steps before all others. */
  readonly before?: readonly string[];
  /** Kinds that mean nothing here. */
  readonly without?: readonly string[];
}

const UNIT = '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n';

const steps = (packages: string): Record<string, string> => ({
  package: packages,
  group: `group: crew, gid: 2000`,
  user: `user: deploy, uid: 1500, groups: [crew], shell: /bin/sh, authorizedKeys: [ssh-ed25519 AAAA a@b]`,
  file: `files: [{ path: /srv/deep/entry, content: "text\\n", owner: deploy, group: crew, mode: '0640' }, { path: /lib/linked/entry, content: x }, { path: /srv/host, source: host-file }]`,
  service: `units: { app.service: "${UNIT}" }, enable: [app], mask: [apt-daily.timer]`,
  hostname: `hostname: web1`,
  timezone: `timezone: Europe/Berlin`,
  locale: `locale: C.UTF-8`,
  sysctl: `values: { net.core.somaxconn: 1024 }`,
  fstab: `mounts: [{ device: LABEL=data, target: /data, fsType: ext4, options: [nofail] }]`,
  'kernel-args': `args: [quiet]`,
  shell: `user: deploy, env: { LEVEL: "it's three" }, workingDirectory: /usr, secrets: [{ secret: key }], inputs: [{ source: host-file, target: /opt/in }], inline: ['id -un; pwd; echo "$LEVEL"; cat /opt/in', 'test "$(cat /run/secrets/key)" = hidden-value']`,
});

/** What is looked at afterwards, by the kind that made it, and what must be seen. */
const LOOKS: Readonly<Record<string, readonly [string, string]>> = {
  package: [`dpkg-query -W -f='\${db:Status-Abbrev}' netbase 2>/dev/null || echo gone`, 'gone'],
  group: ['getent group crew', 'crew:x:2000:deploy'],
  user: [
    `getent passwd deploy; cd /home/deploy; stat -c '%U %a' .ssh .ssh/authorized_keys`,
    'deploy:x:1500:1500::/home/deploy:/bin/sh\ndeploy 700\ndeploy 600',
  ],
  file: [
    `stat -c '%U:%G %a' /srv/deep /srv/deep/entry; cat /srv/deep/entry /usr/lib/linked/entry; cat /srv/host`,
    'root:root 755\ndeploy:crew 640\ntext\nxfrom the host',
  ],
  service: [
    `cd /etc/systemd/system; readlink multi-user.target.wants/app.service apt-daily.timer`,
    '/etc/systemd/system/app.service\n/dev/null',
  ],
  hostname: ['cat /etc/hostname', 'web1'],
  timezone: [
    'cat /etc/timezone; readlink /etc/localtime',
    'Europe/Berlin\n/usr/share/zoneinfo/Europe/Berlin',
  ],
  locale: ['cat /etc/default/locale', 'LANG=C.UTF-8'],
  sysctl: ['grep -hv "^#" /etc/sysctl.d/*imgpipe*', 'net.core.somaxconn = 1024'],
  fstab: ['grep -v "^#" /etc/fstab', 'LABEL=data\t/data\text4\tnofail\t0\t0'],
  'kernel-args': ['cat /etc/kernel/cmdline.d/50-imgpipe-*', 'quiet'],
  // The step's own mounts are gone, and nothing of its secret stays.
  shell: ['ls -d /opt/in /run/secrets/key 2>/dev/null || true', ''],
};

/** Steps that must fail, and what is said. */
const FAILURES: readonly (readonly [string, string])[] = [
  [`type: shell, inline: 'echo before; exit 3'`, 'the script ended with exit code 3'],
  [`type: service, enable: [no-such]`, 'cannot enable "no-such.service": the image has no such unit'],
  [`type: file, path: /srv/x, content: x, owner: nobody-knows`, 'nobody-knows'],
];

/** Runs every kind of step on a machine, and looks whether it did what it does everywhere else. */
export async function runStepKinds(ground: StepGround): Promise<void> {
  const { project, head, packages, before = [], without = [] } = ground;
  project.env['STEP_KEY'] = 'hidden-value';
  project.write('pipelines/host-file', 'from the host\n');
  const all = Object.entries(steps(packages)).filter(([type]) => !without.includes(type));
  const kinds = builtinKinds.steps.types.filter((type) => !type.startsWith('packer-'));
  expect([...all.map(([type]) => type), ...without].toSorted()).toEqual(kinds.toSorted());
  const looks = all.map(([type]) => `echo "= ${type}"\n( ${LOOKS[type]?.[0] ?? ''} )`).join('\n');
  writeFileSync(project.path('pipelines/look.sh'), `#!/bin/sh\n${looks}\n`);
  const failing = FAILURES.map(
    ([options], index) => `  - { name: bad-${index}, continueOnError: true, ${options} }`,
  );
  const template = [
    head,
    'secrets: { key: { env: STEP_KEY } }',
    'steps:',
    ...before.map((step) => `  - ${step}`),
    // Before the one that has a secret: after it the memory of a virtual machine is not kept, and each failure a boot.
    ...all.flatMap(([type, options]) => [
      ...(type === 'shell' ? failing : []),
      `  - { type: ${type}, name: ${type}, ${options} }`,
    ]),
    '  - { type: shell, name: look, script: look.sh }',
    '',
  ].join('\n');
  project.write('pipelines/kinds.yaml', template);
  const result = await project.build('kinds');
  expect(result.code, result.stdout.slice(-3000) + result.stderr).toBe(0);
  const expected = all.map(([type]) => [`= ${type}`, LOOKS[type]?.[1] ?? ''].filter((line) => line !== ''));
  expect(logOf(project, 'look')).toContain(`${expected.flat().join('\n')}\n`);
  expect(logOf(project, 'shell')).toContain(`deploy\n/usr\nit's three\nfrom the host\n`);
  for (const [index, [, message]] of FAILURES.entries())
    expect(warningsOf(result.stdout).join('\n')).toMatch(new RegExp(`^bad-${index} failed.*${message}`, 'm'));
  expect(result.stdout).not.toContain('hidden-value');
}

/** Warnings of a build, by its events. */
function warningsOf(events: string): string[] {
  return events
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level?: string; message?: string })
    .flatMap(({ level, message = '' }) => (level === 'warning' ? [message] : []));
}

/** Log of a step of the last build. */
function logOf(project: CliProject, step: string): string {
  const runs = readdirSync(project.path('cache/logs')).filter((name) => /^\d/.test(name));
  return readFileSync(project.path(`cache/logs/${runs.toSorted().at(-1)}/kinds_${step}.log`), 'utf8');
}
