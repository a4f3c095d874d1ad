import { lstatSync, readdirSync, type BigIntStats } from 'node:fs';
import { bytesOf, type ByteString } from '../../manifest.ts';
import { join } from '../../view-index.ts';

export interface ScannedEntry {
  /** Path in the image, `/` for the root. */
  readonly path: ByteString;
  readonly stat: BigIntStats;
}

/** Everything in a tree, its root first, every folder before what it holds. Links are not followed. */
export function scanTree(root: string): ScannedEntry[] {
  const entries: ScannedEntry[] = [{ path: '/', stat: lstatSync(root, { bigint: true }) }];
  // The list grows while it is walked: each folder appends what it holds.
  for (let index = 0; index < entries.length; index += 1) {
    const entry = entries[index];
    if (entry === undefined || !entry.stat.isDirectory()) continue;
    for (const name of readdirSync(diskPath(root, entry.path), { encoding: 'buffer' })) {
      const path = join(entry.path, name.toString('latin1'));
      entries.push({ path, stat: lstatSync(diskPath(root, path), { bigint: true }) });
    }
  }
  return entries;
}

/** Where an entry of an image lies on disk, as bytes. */
export function diskPath(root: string, path: ByteString): Buffer {
  return path === '/' ? Buffer.from(root) : Buffer.concat([Buffer.from(root), bytesOf(path)]);
}
