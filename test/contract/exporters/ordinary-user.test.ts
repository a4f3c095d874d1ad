import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { BOOTABLE_TREE } from '../../rigs/disk.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const AS_USER = fileURLToPath(new URL('../../rigs/as-ordinary-user.sh', import.meta.url));
const EXPORT = fileURLToPath(new URL('../../rigs/export-layers.ts', import.meta.url));
const BUILD = fileURLToPath(new URL('../../rigs/build-disk.ts', import.meta.url));

/** Why this cannot be tried here, or undefined. */
function impossible(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root, to become a throw-away user';
  if (!existsSync('/usr/bin/newuidmap')) return 'newuidmap (package uidmap) is not installed';
  if (!existsSync('/etc/subuid') || !existsSync('/etc/subgid')) return 'there is no /etc/subuid to cover';
  const probe = spawnSync('setpriv', [
    '--reuid',
    '1500',
    '--clear-groups',
    process.execPath,
    '--check',
    BUILD,
  ]);
  return probe.status === 0 ? undefined : 'another user cannot read the sources';
}

function build(command: readonly string[]): unknown {
  const [program = '', ...args] = command;
  const run = spawnSync(program, args, { input: BOOTABLE_TREE, encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

const reason = impossible();

describe.skipIf(reason !== undefined)(
  `an ordinary user${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    it('gets the disk that root gets, byte by byte', () => {
      const home = temporaryFolder();
      chmodSync(home, 0o755);
      const user = build([AS_USER, home, 'imgpipe-test:200000:65536', process.execPath, BUILD, home]);
      const root = build([process.execPath, BUILD, temporaryFolder()]);
      expect(root).toMatchObject({
        deltaLayers: 1,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
      expect(user).toEqual(root);
    });

    it('gets the divided XFS disk that root gets, byte by byte', () => {
      const home = temporaryFolder();
      chmodSync(home, 0o755);
      const boot = { mount: '/boot', fileSystem: 'ext4', size: 'fit', free: 2 ** 24 };
      const partitions = [boot, { ...boot, mount: '/srv', fileSystem: 'xfs' }];
      const spec = JSON.stringify({ partitions, swap: 2 ** 20, espMount: '/empty' });
      const user = build([AS_USER, home, 'imgpipe-test:200000:65536', process.execPath, BUILD, home, spec]);
      const root = build([process.execPath, BUILD, temporaryFolder(), spec]);
      expect(root).toMatchObject({
        deltaLayers: 0,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      });
      expect(user).toEqual(root);
    });

    it('gets the exports of layers that root gets, byte by byte', () => {
      const home = temporaryFolder();
      chmodSync(home, 0o755);
      const user = build([AS_USER, home, 'imgpipe-test:200000:65536', process.execPath, EXPORT, home]);
      const root = build([process.execPath, EXPORT, temporaryFolder()]);
      expect(root).toMatchObject({ oci: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
      expect(user).toEqual(root);
    });
  },
);
