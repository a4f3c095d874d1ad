import { describe, expect, test } from 'vitest';
import { requireRunnable } from '../../../src/builders/rootfs/foreign-architecture.ts';
import { asUser, findImageUser } from '../../../src/builders/rootfs/image-user.ts';
import { parseOsRelease } from '../../../src/util/os-release.ts';
import { sandboxCommand } from '../../../src/builders/rootfs/sandbox-command.ts';
import { systemCallFilter } from '../../../src/builders/rootfs/system-call-filter.ts';
import { FailureError } from '../../../src/diagnostics/failure.ts';
import { ARCHITECTURES, hostArchitecture } from '../../../src/model/platform.ts';

const PASSWD = 'root:x:0:0:root:/root:/bin/bash\nweb:x:33:34:Web,,,:/var/www:/bin/sh\nbroken line\n';

describe('users of an image', () => {
  test('by name and by number', () => {
    expect(findImageUser('web', PASSWD)).toMatchObject({ uid: 33, gid: 34, home: '/var/www' });
    expect(findImageUser('33', PASSWD)).toMatchObject({ name: 'web', gid: 34 });
    expect(findImageUser('500', PASSWD)).toEqual({ name: '500', uid: 500, gid: 500, home: '/' });
    expect(() => findImageUser('wbe', PASSWD)).toThrow(FailureError);
  });

  test('a user without a row has no groups to look up', () => {
    expect(asUser(findImageUser('500', PASSWD), ['id'])).toEqual([
      'setpriv',
      '--reuid=500',
      '--regid=500',
      '--clear-groups',
      '--inh-caps=-all',
      '--',
      'id',
    ]);
    expect(asUser(findImageUser('web', PASSWD), ['id'])).toContain('--init-groups');
  });
});

describe('os-release', () => {
  test('quotes and escapes of its shell-like form', () => {
    expect(
      parseOsRelease(`# comment\nID=debian\nNAME="A \\"b\\" \\$c"\nVERSION='x y'\nEMPTY=\nnot a line\n`),
    ).toEqual({ ID: 'debian', NAME: 'A "b" $c', VERSION: 'x y', EMPTY: '' });
  });
});

describe('the sandbox command', () => {
  const base = { root: '/r', argv: ['sh', '-c', 'x'], cwd: '/', binds: [], network: 'host' as const };

  test('keeps environment and mounts out of the command line', () => {
    const { argv, inputs } = sandboxCommand({
      ...base,
      env: { TOKEN: 'secret' },
      binds: [{ source: '/s', target: '/t', writable: false }],
    });
    expect(argv).toEqual(['bwrap', '--args', '3', '--seccomp', '4', '--', 'sh', '-c', 'x']);
    const input = String(inputs[0]);
    const options = input.split('\0');
    expect(options.slice(options.indexOf('--clearenv'), options.indexOf('--chdir'))).toEqual([
      '--clearenv',
      '--setenv',
      'TOKEN',
      'secret',
    ]);
    expect(input).toContain('--ro-bind\0/s\0/t\0');
    expect(options).not.toContain('--unshare-net');
  });

  test('cuts the network when asked', () => {
    expect(sandboxCommand({ ...base, env: {}, network: 'none' }).inputs[0]).toContain('--unshare-net');
  });
});

describe('the filter of system calls', () => {
  const [X86_64, I386, ARM64, ARM, RISCV] = [0xc000003e, 0x40000003, 0xc00000b7, 0x40000028, 0xc00000f3];
  const [ALLOW, ENOSYS, EPERM] = [0x7fff0000, 0x50026, 0x50001];

  /** What the kernel would do; the four instructions that there are, as in linux/filter.h. */
  function verdict(architecture: number, call: number): number {
    const filter = systemCallFilter();
    for (let at = 0, word = 0; ; at += 1) {
      const [code, value] = [filter.readUInt16LE(at * 8), filter.readUInt32LE(at * 8 + 4)];
      if (code === 0x06) return value;
      if (code === 0x20) word = value === 4 ? architecture : call;
      else at += filter.readUInt8(at * 8 + ((code === 0x15 ? word === value : word >= value) ? 2 : 3));
    }
  }

  test.each([
    ['amd64', X86_64, [248, 249, 250], 103],
    ['i386', I386, [286, 287, 288], 103],
    ['arm64', ARM64, [217, 218, 219], 116],
    ['armhf', ARM, [309, 310, 311], 103],
  ])('%s: no keys, no log of the kernel, all else', (_, architecture, keys, log) => {
    for (let call = 0; call < 1000; call += 1) {
      const expected = keys.includes(call) ? ENOSYS : call === log ? EPERM : ALLOW;
      expect(verdict(architecture, call), `call ${call}`).toBe(expected);
    }
  });

  test('the second table of amd64 leads round nothing; tables that no host of ours has are let be', () => {
    expect(verdict(X86_64, 0x40000000 + 250)).toBe(ENOSYS);
    expect(verdict(RISCV, 250)).toBe(ALLOW);
  });
});

describe('foreign architectures', () => {
  const host = hostArchitecture();
  const foreign = ARCHITECTURES.find((name) => name !== host && !['i386', 'armhf'].includes(name)) ?? 's390x';

  test('run where the kernel holds an emulator open', () => {
    expect(() =>
      requireRunnable(foreign, () => 'enabled\ninterpreter /usr/bin/qemu\nflags: OCF\n'),
    ).not.toThrow();
    if (host !== undefined) expect(() => requireRunnable(host, () => '')).not.toThrow();
  });

  test.each([
    [
      'not registered',
      () => {
        throw new Error('ENOENT');
      },
    ],
    ['switched off', () => 'disabled\nflags: F\n'],
    ['only found outside of the image', () => 'enabled\ninterpreter /usr/bin/qemu\nflags: OC\n'],
  ])('are refused when the emulator is %s', (_, read) => {
    expect(() => requireRunnable(foreign, read)).toThrow(`cannot run programs for ${foreign}`);
  });
});
