import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, chmodSync, constants, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { describe, expect, test } from 'vitest';
import { SlowRemoval } from '../../rigs/slow-removal.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { eventually, smallRoot } from '../../rigs/workspace.ts';

const AS_USER = fileURLToPath(new URL('../../rigs/as-ordinary-user.sh', import.meta.url));
const STOPPER = fileURLToPath(new URL('../../rigs/stop-workspace.ts', import.meta.url));
const BUILD = fileURLToPath(new URL('../../rigs/build-layers.ts', import.meta.url));

const result = z.union([
  z.object({
    digests: z.array(z.string()),
    key: z.string(),
    entered: z.string(),
    verified: z.array(z.string()),
    uid: z.number(),
  }),
  z.object({ failures: z.array(z.object({ reason: z.string(), message: z.string(), hint: z.string() })) }),
]);

/** Why this cannot be tried here, or undefined. The machine's own files are not changed for it. */
function impossible(): string | undefined {
  if (process.geteuid?.() !== 0) return 'needs root, to become a throw-away user';
  if (!existsSync('/usr/bin/newuidmap')) return 'newuidmap (package uidmap) is not installed';
  if (!existsSync('/etc/subuid') || !existsSync('/etc/subgid')) return 'there is no /etc/subuid to cover';
  try {
    accessSync(process.execPath, constants.X_OK);
  } catch {
    return 'node is not executable for others';
  }
  const probe = spawnSync('unshare', [
    '--mount',
    '--propagation',
    'private',
    'setpriv',
    '--reuid',
    '1500',
    '--clear-groups',
    process.execPath,
    '--check',
    BUILD,
  ]);
  return probe.status === 0 ? undefined : 'another user cannot read the sources';
}

const reason = impossible();

describe.skipIf(reason !== undefined)(
  `an ordinary user${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  () => {
    test('gets the layers that root gets', () => {
      const root = build([process.execPath, BUILD, join(temporaryFolder(), 'store')]);
      const user = asUser('imgpipe-test:200000:65536');
      expect(user).toMatchObject({
        uid: 1500,
        key: 'key',
        entered: '0',
        verified: ['intact', 'intact', 'intact'],
      });
      expect(user).toEqual({ ...root, uid: 1500 });
    });

    test('leaves no layer that takes long to delete', async () => {
      const home = temporaryFolder();
      chmodSync(home, 0o755);
      const slow = new SlowRemoval(home);
      const store = join(home, 'store');
      const stopper = [process.execPath, STOPPER, store];
      execFileSync(AS_USER, [home, 'imgpipe-test:200000:65536', ...stopper], { env: { PATH: slow.path } });
      await slow.waiting();
      const left = () => readdirSync(join(store, 'active'));
      expect(left()).toHaveLength(2);
      slow.letGo();
      await eventually(left).toEqual([]);
    });

    test('without the right to make namespaces is told so', () => {
      const store = join(temporaryFolder(), 'store');
      const weak = ['setpriv', '--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin'];
      expect(build([...weak, process.execPath, BUILD, store])).toEqual({
        failures: [
          {
            reason: 'permission-denied',
            message: expect.stringContaining('private namespaces cannot be made: unshare'),
            hint: expect.stringContaining('imgpipe doctor'),
          },
        ],
      });
    });

    test('without a range of ids is told what to do', () => {
      expect(asUser('')).toEqual({
        failures: [
          {
            reason: 'permission-denied',
            message: expect.stringContaining('/etc/subuid gives imgpipe-test no range of ids'),
            hint: expect.stringContaining('usermod --add-subuids'),
          },
        ],
      });
    });
  },
);

function asUser(ranges: string): z.infer<typeof result> {
  const home = temporaryFolder();
  chmodSync(home, 0o755);
  const answer = build([AS_USER, home, ranges, process.execPath, BUILD, join(home, 'store')]);
  // Files of mapped owners: only root or the user's own namespace can delete them.
  spawnSync('rm', ['-rf', home]);
  return answer;
}

function build([program = '', ...args]: readonly string[]): z.infer<typeof result> {
  const done = spawnSync(program, args, {
    input: `${smallRoot()}
      setcap cap_net_raw+ep usr/bin/touch; setfattr -n user.x -v y etc; mkdir mnt
      mkdir -p srv/listed srv/gone; setfacl -m u:33:rwx,d:g:44:rx srv/listed; chown 33:44 srv/gone; chmod 1777 srv/gone
      mkfifo srv/pipe; echo x > "srv/$(printf 'caf\\351')"; ln srv/caf* srv/other; ln -s nowhere srv/link; chown -h 5:6 srv/link
      truncate -s 5M srv/sparse; touch -d 1999-12-31 srv/sparse`,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`${done.status}: ${done.stderr}`);
  return result.parse(JSON.parse(done.stdout));
}
