import { chownSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MachineCommand } from '../../../src/builders/machine.ts';
import { RootfsBuilder, type LiveMachine } from '../../rigs/rootfs-builder.ts';
import type { LayerRef } from '../../../src/model/layer.ts';
import { hostArchitecture } from '../../../src/model/platform.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { EPOCH, eventually, noWorkspace, RULES, smallRoot, WorkspaceRig } from '../../rigs/workspace.ts';

const SECRET = 'kX9-very-secret-42';

class MachineRig {
  readonly rig: WorkspaceRig;
  readonly base: LayerRef;
  readonly machine: LiveMachine;
  readonly caches = temporaryFolder();

  private constructor(rig: WorkspaceRig, base: LayerRef, machine: LiveMachine) {
    this.rig = rig;
    this.base = base;
    this.machine = machine;
  }

  static async launch(signal = new AbortController().signal, extra = ''): Promise<MachineRig> {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], `${smallRoot()}\n${extra}`);
    const caches = temporaryFolder();
    const machine = await new RootfsBuilder(rig.workspace).launch({
      view: [base],
      architecture: hostArchitecture() ?? 'amd64',
      sourceDateEpoch: EPOCH,
      cacheFolder: (id) => {
        mkdirSync(join(caches, id), { recursive: true });
        return Promise.resolve(join(caches, id));
      },
      signal,
      onOutput: () => undefined,
    });
    return new MachineRig(rig, base, machine);
  }

  async sh(script: string, more: Partial<MachineCommand> = {}): Promise<{ code: number; output: string }> {
    let output = '';
    const outcome = await this.machine.exec({ argv: ['/bin/sh', '-c', script], ...more }, ({ text }) => {
      output += text;
    });
    return { code: outcome.type === 'exited' ? outcome.code : -1, output: output.trim() };
  }
}

describe.skipIf(noWorkspace !== undefined)('the sandbox', () => {
  test('passes output, input, exit code and a clean environment', async () => {
    process.env['IMGPIPE_TEST_LEAK'] = 'leaked';
    const { machine, sh } = await launch();
    expect(await sh('cat; exit 7', { stdin: 'hello' })).toEqual({ code: 7, output: 'hello' });
    expect((await sh('kill -TERM $$')).code).toBe(128 + 15);
    const { output } = await sh('env', { env: { EXTRA: 'a b=c\n"d"' } });
    expect(output).not.toContain('leaked');
    expect(output).toContain('EXTRA=a b=c\n"d"');
    const names = output.split('\n').flatMap((line) => /^([A-Z_]+)=/.exec(line)?.[1] ?? []);
    expect(names.toSorted()).toEqual([
      'DEBCONF_NONINTERACTIVE_SEEN',
      'DEBIAN_FRONTEND',
      'EXTRA',
      'HOME',
      'LANG',
      'LC_ALL',
      'LOGNAME',
      'PATH',
      'PERL_HASH_SEED',
      'PWD',
      'PYTHONHASHSEED',
      'SHELL',
      'SOURCE_DATE_EPOCH',
      'SYSTEMD_OFFLINE',
      'TERM',
      'TZ',
      'USER',
    ]);
    expect((await machine.osRelease())['PRETTY_NAME']).toBe('Tiny "OS"');
  });

  test('shows nothing of the host and leaves nothing in the layer', async () => {
    const { machine, sh, rig } = await launch();
    const outside = temporaryFolder();
    writeFileSync(join(outside, 'host-file'), 'x');
    expect((await sh(`ls ${outside} /work /etc/shadow /home`)).code).not.toBe(0);
    expect((await sh('ls /')).output.split('\n')).toEqual([
      'bin',
      'dev',
      'etc',
      'lib',
      'lib64',
      'proc',
      'root',
      'run',
      'sbin',
      'sys',
      'tmp',
      'usr',
      'var',
    ]);
    expect(
      (await sh('ls /proc')).output.split('\n').filter((name) => /^\d+$/.test(name)).length,
    ).toBeLessThan(5);
    expect((await sh('ls -ld /tmp /var/tmp /dev/shm')).output.match(/drwxrwxrwt/g)).toHaveLength(3);
    expect((await sh('/usr/sbin/policy-rc.d; echo $?')).output).toBe('101');
    expect(
      (
        await sh(
          'cat /etc/resolv.conf; id -u; echo x > /tmp/x; echo x > /run/x; echo x > /dev/shm/x; echo > /dev/null',
        )
      ).code,
    ).toBe(0);
    expect(rig.paths(await machine.capture(RULES))).toEqual([]);
  });

  test('has no power over the host', async () => {
    const { sh } = await launch();
    expect((await sh('cat /proc/self/status')).output).toMatch(/NoNewPrivs:\t1/);
    const capabilities = Number.parseInt(
      /CapEff:\t([0-9a-f]+)/.exec((await sh('cat /proc/self/status')).output)?.[1] ?? '',
      16,
    );
    // SYS_MODULE 16, SYS_PTRACE 19, SYS_ADMIN 21, SYS_BOOT 22, SYS_TIME 25 of linux/capability.h
    for (const bit of [16, 19, 21, 22, 25])
      expect(Math.floor(capabilities / 2 ** bit) % 2, `capability ${bit}`).toBe(0);
    expect((await sh('echo x > /proc/sys/kernel/hostname')).code).not.toBe(0);
    expect((await sh('echo x > /sys/kernel/uevent_seqnum')).code).not.toBe(0);
  });

  test('what programs write is the layer; shim files only when they were changed', async () => {
    const { machine, sh, rig, base } = await launch();
    await sh(
      'echo a > /etc/a; rm /usr/sbin/policy-rc.d; touch /etc/resolv.conf; mkdir -p /opt/x; rm -r /var/lib',
    );
    const layer = await machine.capture(RULES);
    expect(rig.paths(layer)).toEqual(['/etc d', '/etc/a f', '/opt d', '/opt/x d', '/var d', '/var/lib w']);
    expect(await rig.merged([base, layer], 'ls usr/sbin')).toBe('');
  });

  test('network none has loopback only', async () => {
    const { sh } = await launch();
    const interfaces = async (network: 'host' | 'none') =>
      (await sh('cat /proc/net/dev', { network })).output
        .split('\n')
        .slice(2)
        .map((line) => line.split(':')[0]?.trim());
    expect(await interfaces('none')).toEqual(['lo']);
    expect((await interfaces('host')).length).toBeGreaterThanOrEqual(1);
  });

  test('runs as another user, with groups and home, without capabilities', async () => {
    const { sh } = await launch();
    expect((await sh('id; echo $HOME $USER; cat /proc/self/status', { user: 'web' })).output).toMatch(
      /^uid=33\(web\) gid=33\(web\) groups=33\(web\),44\(extra\)\n\/var\/www web\n[^]*CapPrm:\t0+\nCapEff:\t0+\n/,
    );
    expect((await sh('id -u; id -g', { user: '1234' })).output).toBe('1234\n1234');
    await expect(sh('id', { user: 'nosuch' })).rejects.toThrow('the image has no user "nosuch"');
  });

  test('secrets are files in memory, of the right owner, and in no process list', async () => {
    const { machine, sh, rig } = await launch();
    const mounts = [{ type: 'secret' as const, value: SECRET, target: '/var/lib/app/token', mode: 0o400 }];
    const running = sh('cat /var/lib/app/token; ls -ln /var/lib/app/token; sleep 1.77', {
      mounts,
      user: 'web',
      env: { TOKEN: SECRET },
    });
    await eventually(() => commandLines().some((line) => line.includes('sleep 1.77'))).toBe(true);
    expect(commandLines().filter((line) => line.includes(SECRET))).toEqual([]);
    const { output } = await running;
    expect(output).toMatch(new RegExp(`^${SECRET}-r-------- 1 33 33 `));
    expect((await sh('ls /var/lib/app')).code).not.toBe(0);
    expect(rig.paths(await machine.capture(RULES))).toEqual([]);
    const everything = await rig.sh(`grep -rls ${SECRET} ${rig.workspace.storeDirectory} || echo none`);
    expect(everything.output.trim()).toBe('none');
  });

  test('cache mounts are kept, host mounts are read-only, both leave no mount points', async () => {
    const { machine, sh, rig } = await launch(undefined, 'ln -s /var/lib data');
    const source = join(temporaryFolder(), 'notes');
    writeFileSync(source, 'host notes');
    const mounts: MachineCommand['mounts'] = [
      { type: 'cache', id: 'c', target: '/data/cache/deep', mode: 0o777 },
      { type: 'host', source, target: '/data/notes' },
    ];
    expect(
      (await sh('cat /var/lib/notes; echo kept > /var/lib/cache/deep/k; echo x > /data/notes', { mounts }))
        .output,
    ).toMatch(/^host notes[^]*Read-only/);
    expect((await sh('cat /data/cache/deep/k', { mounts, user: 'web' })).output).toBe('kept');
    await expect(
      sh('true', { mounts: [{ type: 'host', source: '/nonexistent', target: '/x' }] }),
    ).rejects.toThrow('/nonexistent does not exist');
    expect(rig.paths(await machine.capture(RULES))).toEqual([]);
  });

  test('of host mounts it sees what is in the key: no owners, times, sockets and excluded files', async () => {
    const { sh, rig } = await launch();
    const source = temporaryFolder();
    mkdirSync(source, { recursive: true });
    for (const name of ['f', 'secret.env']) writeFileSync(join(source, name), name);
    chownSync(join(source, 'f'), 1234, 1234);
    const server = createServer();
    await new Promise<void>((done) => server.listen(join(source, 'socket'), done));
    onTestFinished(() => void server.close());
    const mounts: MachineCommand['mounts'] = [{ type: 'host', source, target: '/in', exclude: ['*.env'] }];
    const { output } = await sh('ls -An --time-style=+%s /in; ls -dn --time-style=+%s /in', { mounts });
    const lines = output.split('\n').slice(1);
    expect(lines.map((line) => line.split(/\s+/).slice(2))).toEqual([
      ['0', '0', '1', String(EPOCH), 'f'],
      ['0', '0', expect.any(String), String(EPOCH), '/in'],
    ]);
    expect(readdirSync(rig.workspace.scratchDirectory)).toEqual([]);
  });

  test('a timeout or an abort ends everything in it', async () => {
    const abort = new AbortController();
    const { machine, sh } = await launch(abort.signal);
    const began = performance.now();
    const command = { argv: ['/bin/sh', '-c', 'trap "" TERM; (sleep 77 &); sleep 77'], timeoutMs: 300 };
    expect(await machine.exec(command)).toEqual({ type: 'timed-out', afterMs: 300 });
    const running = machine.exec({ argv: ['/bin/sh', '-c', 'sleep 77 & sleep 77'] });
    setTimeout(() => abort.abort(), 200);
    expect((await running).type).toBe('signaled');
    expect(performance.now() - began).toBeLessThan(8000);
    await eventually(() => commandLines().filter((line) => line.includes('sleep 77'))).toEqual([]);
    expect((await sh('true')).code).toBe(-1);
  });

  test('what is left running does not live on into the commit', async () => {
    const { machine, sh, rig } = await launch();
    expect((await sh('(while :; do echo x >> /etc/grows; done) > /dev/null 2>&1 &')).code).toBe(0);
    const layer = await machine.capture(RULES);
    expect(await rig.workspace.verify(layer.digest)).toBe('intact');
    expect(commandLines().filter((line) => line.includes('/etc/grows'))).toEqual([]);
  });

  test('writes and reads files without the help of the image', async () => {
    const { machine, rig } = await launch();
    await machine.writeFile('/lib/new/f', 'text', { mode: 0o640, uid: 3, gid: 4 });
    expect(await machine.readFile('/usr/lib/new/f')).toBe('text');
    expect(await machine.readFile('/nope/f')).toBeUndefined();
    expect(rig.manifest(await machine.capture(RULES)).at(-1)).toMatch(/^\/usr\/lib\/new\/f f 0640 3 4 /);
  });

  test('an image without anything still gets its mount points, and keeps none', async () => {
    const rig = await WorkspaceRig.open();
    const base = await rig.layer([], 'mkdir bin; echo x > bin/x');
    const machine = await new RootfsBuilder(rig.workspace).launch({
      view: [base],
      architecture: hostArchitecture() ?? 'amd64',
      sourceDateEpoch: EPOCH,
      cacheFolder: () => Promise.resolve('/nonexistent'),
      signal: new AbortController().signal,
      onOutput: () => undefined,
    });
    expect(await machine.exec({ argv: ['/bin/nosuch'] })).toMatchObject({ type: 'exited' });
    expect(rig.paths(await machine.capture(RULES))).toEqual([]);
  });
});

async function launch(signal?: AbortSignal, extra?: string) {
  const found = await MachineRig.launch(signal, extra);
  return {
    machine: found.machine,
    rig: found.rig,
    base: found.base,
    sh: (...args: Parameters<MachineRig['sh']>) => found.sh(...args),
  };
}

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      const file = `/proc/${pid}/cmdline`;
      try {
        return existsSync(file) ? readFileSync(file, 'utf8').replaceAll('\0', ' ') : '';
      } catch {
        return '';
      }
    });
}
