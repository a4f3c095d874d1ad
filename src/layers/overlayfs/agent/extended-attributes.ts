import { spawnSync } from 'node:child_process';
import { escape, unescape, type ByteString } from '../../manifest.ts';
import { diskPath } from './scan-tree.ts';

export interface TreeAttributes {
  /** Attributes that belong to the image, by path, sorted by name. */
  readonly kept: ReadonlyMap<ByteString, readonly (readonly [name: ByteString, hex: string])[]>;
  /** Folders that hide what lies below them. */
  readonly opaque: ReadonlySet<ByteString>;
  /** Overlayfs's private bookkeeping: paths by attribute name. */
  readonly overlay: ReadonlyMap<string, readonly ByteString[]>;
}

const OVERLAY = 'user.overlay.';

/**
 * Extended attributes of all files of a tree, in one call of getfattr(1), as Node cannot read them.
 * Kept are capabilities, ACLs and `user.*`; security labels of the host (SELinux, IMA) are not the image's.
 */
export function readTreeAttributes(root: string): TreeAttributes {
  const kept = new Map<ByteString, (readonly [ByteString, string])[]>();
  const opaque = new Set<ByteString>();
  const overlay = new Map<string, ByteString[]>();
  let path: ByteString = '/';
  const prefix = `# file: ${Buffer.from(root).toString('latin1')}`;
  for (const line of runTool([
    'getfattr',
    '-R',
    '-P',
    '-h',
    '-d',
    '-m',
    '-',
    '-e',
    'hex',
    '--absolute-names',
    '--',
    root,
  ])) {
    if (line.startsWith('# file: ')) path = unescape(line).slice(prefix.length) || '/';
    const equals = line.indexOf('=');
    if (line === '' || line.startsWith('#')) continue;
    const name = unescape(equals === -1 ? line : line.slice(0, equals));
    const hex = equals === -1 ? '' : line.slice(equals + 3);
    if (name.startsWith(OVERLAY)) {
      if (name === `${OVERLAY}opaque`) opaque.add(path);
      overlay.set(name, [...(overlay.get(name) ?? []), path]);
    } else if (
      name === 'security.capability' ||
      name.startsWith('user.') ||
      name.startsWith('system.posix_acl_')
    ) {
      kept.set(path, [...(kept.get(path) ?? []), [name, hex]]);
    }
  }
  for (const list of kept.values()) list.sort(([a], [b]) => (a < b ? -1 : 1));
  return { kept, opaque, overlay };
}

/** Removes one attribute from files that have it. */
export function removeAttribute(root: string, name: string, paths: readonly ByteString[]): void {
  runForPaths(['setfattr', '-h', '-x', name, '--'], root, paths);
}

/** Gives files of a tree the attributes they are to have; names of attributes may hold any bytes. */
export function setAttributes(
  root: string,
  attributes: ReadonlyMap<ByteString, readonly (readonly [name: ByteString, hex: string])[]>,
): void {
  if (attributes.size === 0) return;
  const blocks = [...attributes].map(([path, list]) =>
    [
      `# file: ${escape(diskPath(root, path).toString('latin1'))}`,
      ...list.map(([name, hex]) => `${escape(name)}=0x${hex}`),
      '',
    ].join('\n'),
  );
  runTool(['setfattr', '-h', '--restore=-'], Buffer.from(`${blocks.join('\n')}\n`, 'latin1'));
}

/** Makes whiteouts (character device 0:0), which hide what lies below. Needs no privilege for devices. */
export function makeWhiteouts(root: string, paths: readonly ByteString[]): void {
  runForPaths(['sh', '-c', 'for path; do mknod -m 0 "$path" c 0 0 || exit; done', 'sh'], root, paths);
}

/** Through xargs(1), because Node can only pass arguments that are UTF-8. */
function runForPaths(argv: readonly string[], root: string, paths: readonly ByteString[]): void {
  if (paths.length === 0) return;
  runTool(
    ['xargs', '-0', ...argv],
    Buffer.concat(paths.flatMap((path) => [diskPath(root, path), Buffer.from([0])])),
  );
}

function runTool(argv: readonly string[], input?: Buffer): string[] {
  const [program = '', ...args] = argv;
  const done = spawnSync(program, args, {
    input: input ?? '',
    maxBuffer: 2 ** 30,
    env: { PATH: process.env['PATH'], LC_ALL: 'C' },
  });
  if (done.error !== undefined) throw done.error;
  if (done.status !== 0)
    throw new Error(`${argv.slice(0, 6).join(' ')}: ${done.stderr.toString('utf8').trim()}`);
  return done.stdout.toString('latin1').split('\n');
}
