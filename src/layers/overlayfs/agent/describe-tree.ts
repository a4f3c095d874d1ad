import { readlinkSync, type BigIntStats } from 'node:fs';
import { type ByteString, type ManifestEntry } from '../../manifest.ts';
import { readTreeAttributes, type TreeAttributes } from './extended-attributes.ts';
import { hashFileSync, type ContentListener } from './hash-file.ts';
import { diskPath, scanTree, type ScannedEntry } from './scan-tree.ts';

/** A change to be: an entry of a tree, and what finds its other names. */
export interface DescribedEntry {
  readonly entry: ManifestEntry;
  /** Device and inode of a file with several names, for finding them. */
  readonly inode?: string;
}

export interface DescribeRules {
  /** Content of dropped files is not read. */
  readonly dropped?: (path: ByteString) => boolean;
  /** Sees the content of every file, in pieces. */
  readonly onContent?: ((bytes: Buffer, path: ByteString) => void) | undefined;
  /** Bytes at the end of a piece that are seen again at the start of the next. */
  readonly overlap?: number | undefined;
}

/** Entries of a tree as they are on disk. */
export function describeTree(
  tree: string,
  newest: number,
  { dropped = () => false, onContent, overlap = 0 }: DescribeRules = {},
): { scanned: ScannedEntry[]; changes: DescribedEntry[]; attributes: TreeAttributes } {
  const scanned = scanTree(tree);
  const attributes = readTreeAttributes(tree);
  const changes: DescribedEntry[] = [];
  const described = new Map<string, ManifestEntry>();
  for (const item of scanned) {
    if (item.stat.isFile() && dropped(item.path)) continue;
    const inode =
      item.stat.isFile() && item.stat.nlink > 1n ? `${item.stat.dev}:${item.stat.ino}` : undefined;
    const twin = inode === undefined ? undefined : described.get(inode);
    const entry =
      twin === undefined
        ? describeEntry(
            tree,
            item,
            attributes,
            newest,
            onContent && { overlap, see: (bytes) => onContent(bytes, item.path) },
          )
        : { ...twin, path: item.path };
    if (entry === undefined) continue;
    if (inode !== undefined) described.set(inode, entry);
    changes.push(inode === undefined ? { entry } : { entry, inode });
  }
  return { scanned, changes, attributes };
}

/**
 * The manifest entry of something on disk, with its time clamped to `newest` (seconds). Further names of a file with
 * several are given by the caller. Undefined for sockets, which have no meaning without their process.
 */
function describeEntry(
  root: string,
  { path, stat }: ScannedEntry,
  attributes: TreeAttributes,
  newest: number,
  listener?: ContentListener,
): ManifestEntry | undefined {
  const base = {
    path,
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: Math.min(wholeSeconds(stat.mtimeNs), newest),
    xattrs: attributes.kept.get(path) ?? [],
  };
  if (stat.isFile()) {
    const size = Number(stat.size);
    return { type: 'file', ...base, size, sha256: hashFileSync(diskPath(root, path), size, listener) };
  }
  if (stat.isDirectory()) return { type: 'directory', ...base, opaque: attributes.opaque.has(path) };
  if (stat.isSymbolicLink()) return { type: 'symlink', ...base, target: readLink(root, path) };
  if (stat.isFIFO()) return { type: 'pipe', ...base };
  if (isWhiteout(stat)) return { type: 'whiteout', path };
  if (stat.isCharacterDevice()) return { type: 'character-device', ...base, ...deviceNumbers(stat.rdev) };
  if (stat.isBlockDevice()) return { type: 'block-device', ...base, ...deviceNumbers(stat.rdev) };
  return undefined;
}

export function isWhiteout(stat: BigIntStats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0n;
}

function readLink(root: string, path: ByteString): ByteString {
  return readlinkSync(diskPath(root, path), { encoding: 'buffer' }).toString('latin1');
}

/** Rounds down, also before 1970. */
function wholeSeconds(nanoseconds: bigint): number {
  return Number(
    (nanoseconds - (((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n,
  );
}

/** Numbers packed into st_rdev, as makedev(3) of glibc does. */
function deviceNumbers(rdev: bigint): { major: number; minor: number } {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return { major: Number(major), minor: Number(minor) };
}
