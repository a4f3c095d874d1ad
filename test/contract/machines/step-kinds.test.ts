import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { makeSshKey } from '../../../src/communicators/ssh/ssh-key.ts';
import { findFreePorts } from '../../../src/util/free-port.ts';
import { AptArchive } from '../../rigs/apt-archive.ts';
import { CliProject } from '../../rigs/cli.ts';
import { noBootstrap, packBase } from '../../rigs/debian-base.ts';
import { DockerDaemon, noDockerd } from '../../rigs/dockerd.ts';
import { runStepKinds } from '../../rigs/step-kinds-contract.ts';

const BASE = `source: { type: rootfs, path: debian.tar }
steps:
  - { type: package, install: [systemd-sysv, openssh-server, tzdata, netbase] }
  # The one archive is that of the test.
  - { type: shell, inline: rm -rf /etc/apt/sources.list /etc/apt/sources.list.d }
exports: [{ type: rootfs-tar, compression: none }]
`;

/** Virtual machines are tried by the same rig in test/e2e/qemu.test.ts, in one that runs already. */
describe.skipIf(noBootstrap !== undefined)('all kinds of steps', () => {
  let project: CliProject;
  const after: (() => void)[] = [];

  beforeAll(async () => {
    project = new CliProject({ 'pipelines/base.yaml': BASE }, { onEnd: (body) => void after.push(body) });
    await packBase(project.path('pipelines/debian.tar'));
    const { code, stdout, stderr } = await project.build('base');
    expect(code, stdout.slice(-2000) + stderr).toBe(0);
  });
  afterAll(() => after.forEach((body) => body()));

  const tar = (): string => project.path('output/base/base.tar');

  async function packages(): Promise<string> {
    const archive = await AptArchive.open([{ name: 'tool', version: '1' }]);
    const repository = `{ name: test, uris: ['${archive.url}'], suites: [test], key: ${archive.keyFile} }`;
    return `install: [tool], purge: [netbase], repositories: [${repository}]`;
  }

  test('in the sandbox of the rootfs builder', async () => {
    const head = 'source: { type: pipeline, name: base }';
    await runStepKinds({ project, head, packages: await packages() });
  });

  test.skipIf(noDockerd !== undefined)('in containers of Docker', async () => {
    await using daemon = await DockerDaemon.start();
    daemon.import(tar(), 'base:1');
    Object.assign(project.env, daemon.env);
    const options = `run_command: [-d, -i, -t, --network=host, --entrypoint=/bin/sh, --, '{{.Image}}']`;
    const head = `builder: { type: docker, ${options} }\nsource: { type: docker-image, image: 'base:1', pull: false }`;
    // The daemon has /etc/hostname and /etc/hosts in its own hands.
    await runStepKinds({ project, head, packages: await packages(), without: ['hostname'] });
  });

  test('in a machine that was there before (null), over SSH', async () => {
    const tree = project.path('tree');
    mkdirSync(tree);
    execFileSync('tar', ['--numeric-owner', '-xpf', tar(), '-C', tree]);
    const port = await startSshd(tree, project.path('key'));
    const login = `ssh_host: 127.0.0.1, ssh_port: ${port}, ssh_username: root, ssh_private_key_file: ${project.path('key')}`;
    const head = `builder: { type: 'null', ${login} }\nsource: { type: machine }`;
    await runStepKinds({ project, head, packages: await packages() });
  });
});

/** An OpenSSH server in a tree of its own with its own mounts and processes. @returns its port */
async function startSshd(tree: string, keyFile: string): Promise<number> {
  const key = await makeSshKey('tester');
  writeFileSync(keyFile, key.privateKey, { mode: 0o600 });
  mkdirSync(`${tree}/root/.ssh`, { recursive: true, mode: 0o700 });
  writeFileSync(`${tree}/root/.ssh/authorized_keys`, key.publicKey);
  const [port = 0] = await findFreePorts(1);
  const script = `mount --bind "$0" "$0" && cd "$0"
mount -t proc proc proc; mount --rbind /dev dev; mount -t tmpfs tmpfs run; mkdir -p run/sshd
chroot . ssh-keygen -A >/dev/null
exec chroot . /usr/sbin/sshd -D -o Port=${port} -o ListenAddress=127.0.0.1 -o UsePAM=no`;
  const inside = ['--mount', '--pid', '--fork', '--kill-child=KILL', 'sh', '-ec', script, tree];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...inside], { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const isOpen = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = createConnection(port, '127.0.0.1');
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => undefined);
      socket.unref();
    });
  await expect.poll(isOpen, { timeout: 20_000 }).toBe(true);
  expect(existsSync(`${tree}/etc/ssh/ssh_host_ed25519_key`)).toBe(true);
  return port;
}
