import { readlinkSync, type BigIntStats } from 'node:fs';
import { type ByteString, type ManifestEntry } from '../../manifest.ts';
import type { TreeAttributes } from './extended-attributes.ts';
import { hashFileSync } from './hash-file.ts';
import { diskPath, type ScannedEntry } from './scan-tree.ts';

/**
 * The manifest entry of something on disk, with its time clamped to `newest` (seconds). Further names of a file with
 * several are given by the caller. Undefined for sockets, which have no meaning without their process.
 */
export function describeEntry(
  root: string,
  { path, stat }: ScannedEntry,
  attributes: TreeAttributes,
  newest: number,
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
    return { type: 'file', ...base, size, sha256: hashFileSync(diskPath(root, path), size) };
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
