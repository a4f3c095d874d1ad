import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSshKey } from '../../src/communicators/ssh/ssh-key.ts';
import { rootOf, sh } from '../rigs/all-formats.ts';
import { boot } from '../rigs/boot-image.ts';
import { CliProject, IMGPIPE } from '../rigs/cli.ts';
import { runStepKinds } from '../rigs/step-kinds-contract.ts';
import { temporaryFolder } from '../rigs/temporary-folder.ts';
import { noWorkspace } from '../rigs/workspace.ts';

const programs = [
  '/usr/bin/mmdebstrap',
  '/usr/bin/qemu-system-x86_64',
  '/usr/bin/grub-mkimage',
  '/usr/bin/zstd',
];
const missing = noWorkspace ?? programs.find((path) => !existsSync(path));

/** Units that nobody needs here; emulated, each costs a machine a part of a second of its boot. */
const MASKED = [
  ...['getty@tty1.service', 'e2scrub_reap.service', 'systemd-pstore.service'],
  ...[
    'apt-daily.timer',
    'apt-daily-upgrade.timer',
    'dpkg-db-backup.timer',
    'e2scrub_all.timer',
    'fstrim.timer',
  ],
];

const base = (publicKey: string): string => `source: { type: bootstrap, suite: bookworm }
steps:
  - type: package
    name: system
    install: [linux-image-cloud-amd64, systemd-sysv, openssh-server, udev, dbus, iproute2, e2fsprogs, netbase, tzdata]
  - type: file
    name: network
    path: /etc/systemd/network/80-dhcp.network
    content: "[Match]\\nType=ether\\n[Network]\\nDHCP=yes\\n"
  - { type: service, name: services, enable: [systemd-networkd.service], mask: [${MASKED.map((unit) => `'${unit}'`).join(', ')}] }
  - { type: kernel-args, name: quick, file: 40-quick, args: [mitigations=off, nokaslr] }
  # With which Packer templates log in; the other file is the build's own.
  - { type: file, name: key, path: /root/.ssh/authorized_keys2, mode: '0600', content: '${publicKey.trim()}' }
disk: { size: 1G }
exports: [{ type: qcow2 }]
`;

const OPTIONS = 'memory: 768M, accelerator: tcg';
const pipeline = (...steps: string[]): string =>
  [
    `builder: { type: qemu, ${OPTIONS} }`,
    'source: { type: pipeline, name: base }',
    'steps:',
    ...steps.map((step) => `  - ${step}`),
    'exports: [{ type: qcow2 }]',
    '',
  ].join('\n');

const FIRST = `{ type: shell, name: one, inline: ['systemctl is-active ssh', 'echo left > /tmp/left', 'mkdir /srv/app', 'date +%s > /run/lives'] }`;
const ENTRY =
  '{ type: file, name: entry, path: /srv/app/entry, content: "text\\n", owner: daemon, mode: "0640" }';
const USER = '{ type: user, name: user, user: deploy, uid: 1500 }';
const LAST = `{ type: shell, name: last, inline: ['cat /tmp/left /run/lives', 'stat -c "%U %a" /srv/app/entry', 'id deploy', 'echo 1 > /srv/app/last'] }`;

/** debugfs on the root file system of a qcow2 image. */
function debugfsOf(image: string): (request: string) => string {
  const raw = join(temporaryFolder(), 'disk.raw');
  sh('qemu-img convert -O raw "$0" "$1"', image, raw);
  const root = rootOf(raw);
  return (request) => sh('debugfs -R "$1" "$0" 2>/dev/null', root, request);
}

describe.skipIf(missing)(`virtual machines${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  let project: CliProject;
  const after: (() => void)[] = [];

  beforeAll(async () => {
    const key = await makeSshKey('packer');
    const files = { 'pipelines/base.yaml': base(key.publicKey), 'packer/key': key.privateKey };
    project = new CliProject(files, { onEnd: (body) => void after.push(body) });
    const built = await project.build('base');
    expect(built.code, built.stderr).toBe(0);
  });
  afterAll(() => after.forEach((body) => body()));

  const log = (node: string): string => {
    const runs = readdirSync(project.path('cache/logs'))
      .filter((name) => /^\d/.test(name))
      .toSorted();
    const file = project.path(`cache/logs/${runs.at(-1) ?? ''}/${node}.log`);
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  };
  const machines = (): string =>
    execFileSync('sh', ['-c', `ps ax -o args | grep "[q]emu-system.*${project.directory}" || true`], {
      encoding: 'utf8',
    });
  const stages = (): string[] =>
    readdirSync(project.path('cache/snapshots')).filter((name) => name.includes('tmp'));

  test("Packer's templates: nothing changed, nothing runs; the last script changed, it alone runs", async () => {
    const source = {
      iso_url: project.path('output/base/base.qcow2'),
      iso_checksum: 'none',
      disk_image: true,
      accelerator: 'tcg',
      cpus: 2,
      memory: 768,
      disk_size: '1G',
      headless: true,
      boot_wait: '1s',
      output_directory: 'out',
      vm_name: 'web.qcow2',
      ssh_username: 'root',
      ssh_private_key_file: project.path('packer/key'),
      ssh_timeout: '10m',
      shutdown_command: 'poweroff',
      qemuargs: [['-cpu', 'max']],
    };
    const provisioners = [
      { type: 'shell', inline: ['echo kept > /tmp/kept', 'touch /srv/packer'] },
      { type: 'file', source: 'hello.txt', destination: '/srv/hello.txt' },
      { type: 'shell', script: 'last.sh' },
    ];
    const block = (value: Record<string, unknown>): string =>
      Object.entries(value)
        .filter(([name]) => name !== 'type')
        .map(([name, item]) => `  ${name} = ${JSON.stringify(item)}\n`)
        .join('');
    const hcl = [
      `source "qemu" "web" {\n${block(source)}}`,
      'build {\nsources = ["source.qemu.web"]',
      ...provisioners.map((item) => `provisioner "${item.type}" {\n${block(item)}}`),
      '}\n',
    ].join('\n');
    project.write('packer/web.pkr.hcl', hcl);
    project.write(
      'packer/web.json',
      JSON.stringify({ builders: [{ type: 'qemu', name: 'web', ...source }], provisioners }),
    );
    project.write('packer/hello.txt', 'hello\n');
    project.write('packer/last.sh', '#!/bin/sh\ncat /tmp/kept /srv/hello.txt\necho one > /srv/last\n');
    const packer = (file: string): string => {
      const [program, ...first] = IMGPIPE;
      const args = [...first, 'packer', 'build', '-color=false', file];
      return execFileSync(program, args, {
        cwd: project.path('packer'),
        env: project.env,
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      });
    };
    const machine = /QEMU emulator version/;
    expect(packer('web.pkr.hcl')).toMatch(/kept\n[^\n]*hello\n/);
    const made = statSync(project.path('packer/out/web.qcow2')).mtimeMs;
    expect(packer('web.pkr.hcl')).not.toMatch(machine);
    expect(statSync(project.path('packer/out/web.qcow2')).mtimeMs).toBe(made);
    // The same build in the other form is the same build.
    expect(packer('web.json')).not.toMatch(machine);
    project.write('packer/last.sh', project.read('packer/last.sh').replace('echo one', 'echo two'));
    const text = packer('web.json');
    expect(text).toMatch(/resumed in/);
    // What the steps before have left is there: they did not run again.
    expect(text).toMatch(/kept\n[^\n]*hello\n/);
    expect(text).not.toContain('Uploading');
    const image = project.path('packer/out/web.qcow2');
    const debugfs = debugfsOf(image);
    expect(debugfs('cat /srv/last')).toBe('two\n');
    expect(debugfs('cat /srv/hello.txt')).toBe('hello\n');
    await boot(image, { ready: 'EXT4-fs (vda3): mounted' });
  });

  test('steps run in a machine that boots; nothing changed, nothing starts', async () => {
    project.write('pipelines/vm.yaml', pipeline(FIRST, ENTRY, USER, LAST));
    const first = await project.build('vm');
    expect(first.code, first.stderr).toBe(0);
    expect(log('vm_last')).toMatch(/left\n\d+\ndaemon 640\nuid=1500\(deploy\)/);
    expect(machines()).toBe('');
    const again = await project.build('vm');
    expect(again.built).toEqual([]);
  });

  test('only the export changed: no machine starts', async () => {
    const text = pipeline(FIRST, ENTRY, USER, LAST);
    project.write('pipelines/vm.yaml', text.replace('type: qcow2', 'type: raw'));
    expect((await project.build('vm')).built).toEqual(['raw']);
    expect(log('vm_disk')).toBe('');
  });

  test('the finished disk has no key of the build, and stands on nothing', async () => {
    const image = project.path('output/vm/vm.qcow2');
    expect(execFileSync('qemu-img', ['info', image], { encoding: 'utf8' })).not.toContain('backing');
    const debugfs = debugfsOf(image);
    expect(debugfs('cat /srv/app/last')).toBe('1\n');
    expect(debugfs('ls -p /root/.ssh')).toMatch(/authorized_keys2/);
    expect(debugfs('ls -p /root/.ssh')).not.toMatch(/authorized_keys\//);
  });

  test('machines that go off, restart or fill up in a step, and one that restarts after it', async () => {
    const shell = (name: string, command: string, more = ''): string =>
      `{ type: shell, name: ${name}, ${more}inline: ['${command}'] }`;
    const goOn = 'continueOnError: true, ';
    const steps = [
      shell('off', 'cat /tmp/left /run/lives; poweroff -f; sleep 120', goOn),
      shell('again', 'reboot -f; sleep 120', goOn),
      shell('leave', 'systemctl reboot --no-block'),
      // It has been waited for: what lived in memory alone is gone.
      shell('check', 'test ! -e /run/lives'),
      shell('full', 'fallocate -l 9G /fill'),
    ];
    project.write('pipelines/vm.yaml', pipeline(FIRST, ENTRY, USER, ...steps));
    const { code, stdout, stderr, cached } = await project.build('vm');
    expect(code, stderr).toBe(1);
    expect(cached).toEqual(expect.arrayContaining(['one', 'entry', 'user']));
    // The machine goes on before the step that changed, with what was in its memory.
    expect(log('vm_off')).toMatch(/resumed in [\d.]+ s/);
    expect(log('vm_off')).toMatch(/left\n\d+\n/);
    expect(stdout).toMatch(/off failed .* the machine was switched off during/);
    expect(stdout).toMatch(/again failed .* the machine restarted during/);
    for (const said of ['No space left on device', 'raise `disk_size`']) expect(stdout).toContain(said);
    expect(log('vm_check')).not.toMatch(/failed|ended/);
    expect(machines()).toBe('');
    expect(stages()).toEqual([]);
  });

  test('all kinds of steps do here what they do elsewhere', async () => {
    const head = `builder: { type: qemu, ${OPTIONS} }\nsource: { type: pipeline, name: base }`;
    // test/contract/machines/step-kinds.test.ts installs too: emulated, that alone takes a minute.
    // The machine was kept after the first step of the pipeline above: it goes on from there and need not boot.
    await runStepKinds({ project, head, before: [FIRST], packages: 'purge: [netbase]' });
    expect(log('kinds_package')).toMatch(/resumed in/);
  });
});
