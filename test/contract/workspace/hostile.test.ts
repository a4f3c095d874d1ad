import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RootfsBuilder } from '../../rigs/rootfs-builder.ts';
import { hostArchitecture } from '../../../src/model/platform.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { EPOCH, noWorkspace, RULES, smallRoot, WorkspaceRig } from '../../rigs/workspace.ts';

const TOOLS =
  'sh bash cat ls id env mkdir rm chmod cp mknod mount umount unshare nsenter chroot setpriv find grep head perl';

/** Host files that no step may reach, and what is in them. */
const MARK = 'only-the-host-may-read-this';

describe.skipIf(noWorkspace !== undefined)('a hostile step', () => {
  test('reads and writes nothing that it was not given', async () => {
    const { sh, rig, outside, tried, machine } = await launch();
    const root = statSync('/').dev;
    // As minor(3) and major(3) of glibc take a device number apart.
    const hostDisk = `b ${(root >> 8) & 0xfff} ${(root & 0xff) | ((root >> 12) & 0xfff00)}`;
    const attempts: Record<string, string> = {
      'a host file by its path': `cat ${outside}/file`,
      'a host file through another root': `cat /proc/1/root${outside}/file || cat /proc/self/root/../..${outside}/file`,
      'a host file by leaving a chroot': `mkdir -p /x/y && chroot /x /bin/true; cd /x && chroot y; cat ../../../../..${outside}/file`,
      "the user's home and environment":
        'env | grep -e LEAK_ME; ls ~root/.. | grep home; cat /proc/*/environ | grep -a LEAK_ME',
      'the store and its other layers': `ls ${rig.store.directory} || find / -xdev -name other-layer | grep .`,
      'a host file to write': `echo x > ${outside}/written`,
      ...Object.fromEntries(
        ['/etc', '/tmp', '/run', '/dev', '/var/tmp', '/dev/shm'].flatMap((folder) =>
          [
            ['the disk', hostDisk],
            ['memory', 'c 1 1'],
            ['FUSE', 'c 10 229'],
            ['loop devices', 'c 10 237'],
            ['the kernel log', 'c 1 11'],
          ].map(([what, numbers]) => [
            `${what} by a device node in ${folder}`,
            `rm -f ${folder}/node; mknod ${folder}/node ${numbers} && head -c 1 < ${folder}/node > /dev/null`,
          ]),
        ),
      ),
      'a mount': 'mkdir -p /m && mount -t tmpfs none /m || mount --bind /etc /m || mount -t proc none /m',
      'the taking away of a mount': 'umount /proc/sys || umount -l /sys',
      'a new mount namespace': 'unshare --mount cat /etc/passwd',
      // Programs may make one, as container tools do; it must give them nothing of the host.
      "the kernel's settings by a user namespace": [
        "unshare -Ur --mount --pid --fork sh -c 'mount -t proc none /proc && echo 1 > /proc/sys/vm/drop_caches'",
        "unshare -Ur --mount sh -c 'mount -o remount,rw,bind /proc/sys && echo 1 > /proc/sys/vm/drop_caches'",
        "unshare -Ur --mount sh -c 'umount /proc/sys && echo 1 > /proc/sys/vm/drop_caches'",
        "unshare -Ur --mount sh -c 'mount -t sysfs none /sys && echo x > /sys/kernel/uevent_helper'",
        `unshare -Ur --mount sh -c 'mount -o remount,dev / && mknod /n ${hostDisk} && head -c 1 < /n'`,
      ].join(' || '),
      'the namespaces of another process': 'nsenter --target 1 --mount --pid ls /proc/1/root/home',
      "the kernel's settings": 'echo x > /proc/sys/kernel/hostname || echo 1 > /proc/sys/vm/drop_caches',
      'the magic key': 'echo s > /proc/sysrq-trigger',
      'the settings of devices': 'echo x > /sys/kernel/uevent_helper || echo 1 > /sys/power/state',
      "the kernel's memory": 'head -c 1 /proc/kcore || cat /proc/kmsg',
      ...(process.arch === 'x64' || process.arch === 'arm64'
        ? {
            "the keys that the host's root keeps in the kernel": `perl -e 'exit(syscall(${process.arch === 'x64' ? 250 : 219}, 0, -4, 1) < 0)'`,
            "the kernel's log by its call": `perl -e 'exit(syscall(${process.arch === 'x64' ? 103 : 116}, 10, 0, 0) < 0)'`,
          }
        : {}),
      'the processes of the host': `kill -0 ${process.pid}`,
    };
    process.env['LEAK_ME'] = MARK;
    onTestFinished(() => void delete process.env['LEAK_ME']);
    for (const [what, script] of Object.entries(attempts)) {
      const { code, output } = await sh(`(${script}) && exit 99; exit 7`);
      expect({ what, code }, output).toEqual({ what, code: 7 });
      expect(output, what).not.toContain(MARK);
    }
    expect(tried()).toBe(Object.keys(attempts).length);
    // It ends all it can reach, which is itself.
    await sh('kill -9 -1');
    expect((await sh('id -u')).output).toBe('0');
    // Nodes can be made, as images may hold some; nobody can open them.
    expect(rig.paths(await machine.capture(RULES))).toContain('/etc/node c');
  });

  test('without a network reaches no service of the host, with it does', async () => {
    const { sh } = await launch();
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const connect = `bash -c 'echo x > /dev/tcp/127.0.0.1/${port}'`;
    expect((await sh(connect, 'none')).code).not.toBe(0);
    expect(connections).toBe(0);
    expect((await sh(connect, 'host')).code).toBe(0);
    await expect.poll(() => connections).toBe(1);
  });

  test('gains nothing by a program of root that others may run', async () => {
    const { sh } = await launch();
    expect((await sh('cp /usr/bin/id /usr/bin/id-of-root; chmod 4755 /usr/bin/id-of-root')).code).toBe(0);
    expect((await sh('/usr/bin/id-of-root -u', 'none', 'web')).output).toBe('33');
  });
});

async function launch() {
  const rig = await WorkspaceRig.open();
  const outside = temporaryFolder();
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'file'), MARK);
  const base = await rig.layer([], smallRoot(TOOLS.split(' ')));
  await rig.layer([], `echo ${MARK} > other-layer`);
  const machine = await new RootfsBuilder(rig.workspace).launch({
    view: [base],
    architecture: hostArchitecture() ?? 'amd64',
    sourceDateEpoch: EPOCH,
    cacheFolder: () => Promise.reject(new Error('no cache')),
    signal: new AbortController().signal,
    onOutput: () => undefined,
  });
  let count = 0;
  const sh = async (script: string, network: 'host' | 'none' = 'host', user?: string) => {
    count += 1;
    let output = '';
    const command = { argv: ['/bin/sh', '-c', script], network, ...(user === undefined ? {} : { user }) };
    const outcome = await machine.exec(command, ({ text }) => {
      output += text;
    });
    return { code: outcome.type === 'exited' ? outcome.code : -1, output: output.trim() };
  };
  return { rig, machine, sh, outside, tried: () => count };
}
