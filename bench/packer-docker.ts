import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DockerDaemon } from '../test/rigs/dockerd.ts';
import { type Command, report, timeInTurn } from './measure.ts';
import { ROOT } from './project.ts';

const PACKER = '/usr/bin/packer';
const RUNS = Number(process.env['BENCH_RUNS'] ?? 3);

const PACKAGES =
  'linux-image-cloud-amd64 systemd-sysv udev openssh-server nginx iproute2 isc-dhcp-client ca-certificates';

const BASE = `source: { type: bootstrap, suite: bookworm }
exports: [{ type: rootfs-tar, compression: none }]
`;

/** One template for both programs: a Debian base, packages with a kernel, and five more provisioners. */
const TEMPLATE = `source "docker" "web" {
  image = "bench/base:1"
  pull = false
  commit = true
  changes = ["CMD [\\"/bin/sh\\"]"]
  run_command = ["-d", "-i", "-t", "--network=host", "--entrypoint=/bin/sh", "--", "{{.Image}}"]
}
build {
  sources = ["source.docker.web"]
  provisioner "shell" {
    inline = ["apt-get update -q", "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends ${PACKAGES}"]
  }
  provisioner "shell" { script = "motd.sh" }
  provisioner "file" {
    source = "nginx/"
    destination = "/etc/nginx/"
  }
  provisioner "shell" { script = "user.sh" }
  provisioner "shell" { script = "www.sh" }
  provisioner "shell" { script = "clean.sh" }
}
`;

const SCRIPTS = {
  'motd.sh': 'echo welcome > /etc/motd',
  'user.sh': 'useradd --create-home deploy',
  'www.sh': 'mkdir -p /var/www/html; echo "<h1>hello</h1>" > /var/www/html/index.html',
  'clean.sh': 'apt-get clean; rm -rf /var/lib/apt/lists/*',
};

/** The docker builder beside Packer's own, with the same template and daemon. */
export async function run(): Promise<string> {
  if (!existsSync(PACKER)) return 'packer-docker: Packer is not installed';
  const folder = mkdtempSync(join(tmpdir(), 'imgpipe-bench-'));
  try {
    await using daemon = await DockerDaemon.start();
    return await measure(folder, daemon);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(folder: string, daemon: DockerDaemon): Promise<string> {
  const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const names = ['pipelines', 'node_modules', 'ours', 'theirs', 'ours/nginx', 'theirs/nginx'];
  for (const name of names) mkdirSync(join(folder, name));
  symlinkSync(ROOT, join(folder, 'node_modules', 'imgpipe'));
  put('package.json', '{"type":"module"}\n');
  for (const config of ['imgpipe.config.yaml', 'ours/imgpipe.config.yaml'])
    put(config, 'cache:\n  directory: cache\n');
  put('pipelines/base.yaml', BASE);
  const imgpipe = [process.execPath, join(ROOT, 'bin', 'imgpipe.mjs')] as const;
  execFileSync(imgpipe[0], [imgpipe[1], 'build', 'base'], { cwd: folder, stdio: 'ignore' });
  daemon.import(join(folder, 'output/base/base.tar'), 'bench/base:1', 'CMD ["/bin/sh"]');
  let edits = 0;
  const both = (name: string, text: string): void => {
    for (const who of ['ours', 'theirs']) put(`${who}/${name}`, text);
  };
  both('web.pkr.hcl', TEMPLATE);
  both('nginx/rev.conf', '# rev 1\n');
  for (const [name, text] of Object.entries(SCRIPTS)) both(name, `#!/bin/sh -e\n${text}\n`);
  const edit = (): void => {
    edits += 1;
    both('clean.sh', `#!/bin/sh -e\n# rev ${edits}\n${SCRIPTS['clean.sh']}\n`);
  };
  const forget = (): void => {
    for (const name of ['actions', 'snapshots', 'artifacts'])
      rmSync(join(folder, 'ours/cache', name), { recursive: true, force: true });
  };
  const ours = (name: string, before: () => void): Command => ({
    name: `imgpipe packer build, ${name}`,
    argv: [...imgpipe, 'packer', 'build', 'web.pkr.hcl'],
    cwd: join(folder, 'ours'),
    env: daemon.env,
    before,
  });
  const theirs: Command = {
    name: 'packer build',
    argv: [PACKER, 'build', 'web.pkr.hcl'],
    cwd: join(folder, 'theirs'),
    env: { ...daemon.env, CHECKPOINT_DISABLE: '1' },
  };
  const parts = [
    ['first build', forget, 1],
    ['nothing changed', () => undefined, RUNS],
    ['last provisioner changed', edit, RUNS],
  ] as const;
  const reports: string[] = [];
  for (const [name, before, runs] of parts) {
    const timings = await timeInTurn([theirs, ours(name, before)], runs, name === 'first build' ? 0 : 1);
    reports.push(report(`packer-docker, ${name}`, timings));
  }
  return reports.join('\n\n');
}
