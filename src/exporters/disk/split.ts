import type { ManifestEntry } from '../../layers/manifest.ts';
import { foldersAbove } from './merged-tree.ts';

/**
 * Most that the delta part may hold in sum. The patch takes about 0.2 ms an entry, so the limits keep it well under
 * the time of copying the base; what does not fit goes through mke2fs with the rest.
 */
export const DELTA_LIMITS = { bytes: 16 * 2 ** 20, entries: 600 } as const;

/** Paths that debugfs commands can hold without quotes. */
const SAFE_TEXT = /^[A-Za-z0-9._+@:,=%~/-]+$/;

/** debugfs reads its script in lines of at most 8 KiB, and ext4 keeps a link's target in one block. */
const LONGEST_TEXT = 1024;

/**
 * Which of the candidates are patched into the disk: looks at nothing but the layers, so that a build from nothing
 * and a rebuild split alike. From the top of the stack downwards, a candidate is taken when all its entries are of
 * kinds a patch can write, it fits the limits, and no layer above it that stays in the base touches what it writes.
 * @param entriesOf manifest entries of the layer at a position
 * @returns positions of the delta layers, ascending
 */
export function chooseDelta(
  layerCount: number,
  candidates: readonly number[],
  entriesOf: (position: number) => readonly ManifestEntry[],
): readonly number[] {
  const wanted = new Set(candidates);
  const lowest = Math.min(...candidates);
  // For each path, an entry that covers it if any layer above has one, else a folder.
  const above = new Map<string, ManifestEntry>();
  const chosen: number[] = [];
  let bytes = 0;
  let count = 0;
  for (let position = layerCount - 1; position >= lowest; position -= 1) {
    const entries = entriesOf(position);
    const size = entries.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0);
    const fits = bytes + size <= DELTA_LIMITS.bytes && count + entries.length <= DELTA_LIMITS.entries;
    if (
      wanted.has(position) &&
      fits &&
      entries.every((entry) => isPlain(entry) && !isCovered(entry, above))
    ) {
      chosen.unshift(position);
      bytes += size;
      count += entries.length;
    } else {
      for (const entry of entries) {
        const known = above.get(entry.path);
        if (known === undefined || isPlainFolder(known)) above.set(entry.path, entry);
      }
    }
  }
  return chosen;
}

function isPlain(entry: ManifestEntry): boolean {
  if (!isSafe(entry.path) || entry.path.includes('/-')) return false;
  switch (entry.type) {
    case 'whiteout':
      return true;
    // Hides what layers below have in it, but not what layers above put there: a mask of paths cannot tell them apart.
    case 'directory':
      return !entry.opaque && entry.xattrs.length === 0 && isSafeTime(entry.mtime);
    case 'file':
      return entry.xattrs.length === 0 && isSafeTime(entry.mtime);
    case 'symlink':
      return entry.xattrs.length === 0 && isSafeTime(entry.mtime) && isSafe(entry.target);
    case 'hard-link':
    case 'character-device':
    case 'block-device':
    case 'pipe':
      return false;
  }
}

function isSafe(text: string): boolean {
  return text.length <= LONGEST_TEXT && SAFE_TEXT.test(text);
}

/** Times that fit the 32 bits which debugfs sets and the normaliser copies. */
function isSafeTime(seconds: number): boolean {
  return seconds >= 0 && seconds < 2 ** 31;
}

/** Whether a base layer above decides about the entry's path, so that patching it in on top would be wrong. */
function isCovered(entry: ManifestEntry, above: ReadonlyMap<string, ManifestEntry>): boolean {
  const same = above.get(entry.path);
  if (same !== undefined && !(entry.type === 'directory' && isPlainFolder(same))) return true;
  for (const folder of foldersAbove(entry.path)) {
    const covering = above.get(folder);
    if (covering !== undefined && !isPlainFolder(covering)) return true;
  }
  return false;
}

function isPlainFolder(entry: ManifestEntry): boolean {
  return entry.type === 'directory' && !entry.opaque;
}
