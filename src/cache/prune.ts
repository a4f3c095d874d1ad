import { statfsSync } from 'node:fs';
import type { StoredItem } from './inventory.ts';

/** How much of a store may stay. What is left out sets no bound. */
export interface PrunePolicy {
  /** Bytes that layers, disks, mounts and logs may take together. */
  readonly maxSize?: number;
  /** Things not made or used for longer go, in ms. */
  readonly maxAgeMs?: number;
  /** Bytes that must stay free on the file system. */
  readonly minFree?: number;
  /** Everything not in use goes. */
  readonly all?: boolean;
}

/**
 * What to delete, longest unused first, so that the policy holds. Things in use (`leased`) stay in any case. A record whose
 * layer is gone is a miss, so nothing has to be deleted in any order for the store to stay right; that order keeps
 * what the next build most likely needs.
 * @param now ms since 1970
 * @param free bytes free on the store's file system
 */
export function choosePrunable(
  items: readonly StoredItem[],
  policy: PrunePolicy,
  leased: ReadonlySet<string>,
  now: number,
  free: number,
): StoredItem[] {
  // A time from the future was noted before the clock was set back.
  const usedAt = (item: StoredItem): number => Math.min(item.usedAt, now);
  const candidates = items.filter((item) => !leased.has(item.id)).toSorted((a, b) => usedAt(a) - usedAt(b) || a.id.localeCompare(b.id));
  let size = items.reduce((sum, item) => sum + item.size, 0);
  let room = free;
  const chosen: StoredItem[] = [];
  for (const item of candidates) {
    const tooOld = policy.maxAgeMs !== undefined && now - usedAt(item) > policy.maxAgeMs;
    const tooMuch = policy.maxSize !== undefined && size > policy.maxSize;
    const tooFull = policy.minFree !== undefined && room < policy.minFree;
    if (policy.all !== true && !tooOld && !tooMuch && !tooFull) continue;
    chosen.push(item);
    size -= item.size;
    room += item.size;
  }
  return chosen;
}

/** Bytes free for us on the file system that holds `path`. */
export function freeBytes(path: string): number {
  const info = statfsSync(path);
  return info.bavail * info.bsize;
}
