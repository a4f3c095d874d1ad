import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSshKey } from '../src/communicators/ssh/ssh-key.ts';
import { type Command, report, timeInTurn, type Timing } from './measure.ts';
import { ROOT } from './project.ts';

const PACKER = '/usr/bin/packer';
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);
const STEPS = 6;

const BASE = (key: string): string => `source: { type: bootstrap, suite: bookworm }
steps:
  - type: package
    install: [linux-image-cloud-amd64, systemd-sysv, openssh-server, udev, dbus, iproute2]
  - type: file
    files:
      - { path: /etc/systemd/network/80-dhcp.network, content: "[Match]\\nType=ether\\n[Network]\\nDHCP=yes\\n" }
      - { path: /root/.ssh/authorized_keys, mode: '0600', content: "${key}\\n" }
  - { type: service, enable: [systemd-networkd.service] }
disk: { size: 2G }
exports: [{ type: qcow2 }]
`;

/** One template for both programs: a ready image, and six provisioners in the machine, emulated. */
const template = (folder: string): string => `source "qemu" "web" {
  iso_url = "${folder}/output/base/base.qcow2"
  iso_checksum = "none"
  disk_image = true
  accelerator = "tcg"
  cpus = 2
  memory = 1024
  disk_size = "2G"
  disk_cache = "unsafe"
  headless = true
  boot_wait = "1s"
  output_directory = "out"
  vm_name = "web.qcow2"
  ssh_username = "root"
  ssh_private_key_file = "${folder}/key"
  ssh_timeout = "10m"
  shutdown_command = "poweroff"
  qemuargs = [["-cpu", "max"]]
}
build {
  sources = ["source.qemu.web"]
${Array.from({ length: STEPS }, (_, at) => `  provisioner "shell" { script = "step${at}.sh" }\n`).join('')}}
`;

/** The qemu builder beside Packer's own, with the same template; and what starting a machine costs each way. */
export async function run(): Promise<string> {
  if (!existsSync(PACKER)) return 'qemu: Packer is not installed';
  const folder = mkdtempSync(join(tmpdir(), 'imgpipe-bench-'));
  try {
    return await measure(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string): Promise<string> {
  const put = (name: string, text: string, mode = 0o644): void =>
    writeFileSync(join(folder, name), text, { mode });
  for (const name of ['pipelines', 'node_modules', 'ours', 'theirs']) mkdirSync(join(folder, name));
  symlinkSync(ROOT, join(folder, 'node_modules', 'imgpipe'));
  put('package.json', '{"type":"module"}\n');
  put('imgpipe.config.yaml', 'cache:\n  directory: cache\n');
  const key = await makeSshKey('bench');
  put('key', key.privateKey, 0o600);
  put('pipelines/base.yaml', BASE(key.publicKey.trim()));
  const imgpipe = [process.execPath, join(ROOT, 'bin', 'imgpipe.mjs')] as const;
  execFileSync(imgpipe[0], [imgpipe[1], 'build', 'base'], { cwd: folder, stdio: 'ignore' });
  let edits = 0;
  for (const who of ['ours', 'theirs']) {
    put(`${who}/web.pkr.hcl`, template(folder));
    for (let at = 0; at < STEPS; at += 1)
      put(`${who}/step${at}.sh`, `#!/bin/sh\necho ${at} > /srv/step${at}\n`);
  }
  const edit = (): void => {
    edits += 1;
    for (const who of ['ours', 'theirs'])
      put(`${who}/step${STEPS - 1}.sh`, `#!/bin/sh\necho ${edits} > /srv/last\n`);
  };
  const forget = (): void => {
    for (const name of ['actions', 'snapshots', 'artifacts'])
      rmSync(join(folder, 'ours/cache', name), { recursive: true, force: true });
  };
  put('ours/imgpipe.config.yaml', 'cache:\n  directory: cache\n');
  const ours = (name: string, before: () => void): Command => ({
    name: `imgpipe packer build, ${name}`,
    argv: [...imgpipe, 'packer', 'build', 'web.pkr.hcl'],
    cwd: join(folder, 'ours'),
    before,
  });
  const theirs: Command = {
    name: 'packer build',
    argv: [PACKER, 'build', '-force', 'web.pkr.hcl'],
    cwd: join(folder, 'theirs'),
    env: { CHECKPOINT_DISABLE: '1', HOME: folder },
  };
  const all: Timing[][] = [];
  for (const [name, before] of [
    ['first', forget],
    ['nothing changed', () => undefined],
    ['last step changed', edit],
  ] as const)
    all.push(await timeInTurn([ours(name, before), theirs], RUNS, name === 'first' ? 0 : 1));
  const titles = ['first build', 'nothing changed', 'last step changed'];
  return [
    ...all.map((timings, at) => report(`qemu, ${titles[at]}`, timings)),
    `qemu, resuming a kept machine until it is connected: ${resumes(join(folder, 'ours'))}`,
  ].join('\n\n');
}

/** What the logs say of machines that got their memory back. */
function resumes(project: string): string {
  const logs = join(project, 'cache', 'logs');
  const lines = readdirSync(logs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.log'))
    .flatMap(
      (entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8').match(/resumed in [\d.]+ s/g) ?? [],
    );
  return lines.length === 0 ? 'none' : lines.join(', ');
}
