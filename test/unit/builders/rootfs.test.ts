import { describe, expect, test } from 'vitest';
import { requireRunnable } from '../../../src/builders/rootfs/foreign-architecture.ts';
import { asUser, findImageUser } from '../../../src/builders/rootfs/image-user.ts';
import { parseOsRelease } from '../../../src/util/os-release.ts';
import { sandboxCommand } from '../../../src/builders/rootfs/sandbox-command.ts';
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
    const { argv, input } = sandboxCommand({
      ...base,
      env: { TOKEN: 'secret' },
      binds: [{ source: '/s', target: '/t', writable: false }],
    });
    expect(argv).toEqual(['bwrap', '--args', '3', '--', 'sh', '-c', 'x']);
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
    expect(sandboxCommand({ ...base, env: {}, network: 'none' }).input).toContain('--unshare-net');
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
