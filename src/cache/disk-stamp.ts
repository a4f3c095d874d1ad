import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomic } from '../util/atomic-file.ts';
import type { ByteRange } from '../util/byte-ranges.ts';
import { currentBootId } from '../util/process-identity.ts';
import { listPatches } from './disk-files.ts';
import { readDiskPatch } from './disk-patch.ts';
import { listFolder } from './journal.ts';
import { fingerprintWithin, isSameInode } from './stat-cache.ts';
import type { StoreLayout } from './store-layout.ts';

const stampSchema = z.object({
  bootId: z.string(),
  fingerprint: z.string(),
  /** Start and end, in turns, of the ranges that are not zero. */
  data: z.array(z.int().nonnegative()),
});

/**
 * Writes beside a finished disk which file it is: one that anything touched later is not taken for it.
 * @param data where the disk has blocks of 4096 bytes that are not all zero, so that nobody has to look again
 */
export function stampDisk(path: string, data: readonly ByteRange[]): void {
  const stamp: z.input<typeof stampSchema> = {
    bootId: currentBootId(),
    fingerprint: fingerprintWithin(statSync(path, { bigint: true })),
    data: data.flatMap(({ start, end }) => [start, end]),
  };
  writeFileAtomic(`${path}.json`, JSON.stringify(stamp));
}

/**
 * Whether a disk of the store is the file that was finished. A file from before the last boot may lack bytes that a
 * power cut took; building it again is cheap.
 */
function isStamped(path: string): boolean {
  return readStampedData(path) !== undefined;
}

/** The data map of a disk that `isStamped`, else undefined. */
export function readStampedData(path: string): readonly ByteRange[] | undefined {
  try {
    const stamp = stampSchema.parse(JSON.parse(readFileSync(`${path}.json`, 'utf8')));
    const isIt = stamp.bootId === currentBootId() && stamp.fingerprint === fingerprintWithin(statSync(path, { bigint: true }));
    if (!isIt) return undefined;
    return Array.from({ length: stamp.data.length >> 1 }, (_, at) => ({ start: stamp.data[2 * at] ?? 0, end: stamp.data[2 * at + 1] ?? 0 }));
  } catch {
    return undefined;
  }
}

/** What became of the disks of a store; by their keys. */
export interface DroppedDisks {
  readonly checked: number;
  /** Changed since they were finished. */
  readonly damaged: readonly string[];
  /**
   * Nothing proves them whole, and nothing says that they are not: finished before the machine last started, or not the
   * files that were finished, as in a store that was copied or restored.
   */
  readonly unproven: readonly string[];
}

/** Deletes disks and patches that are not, or may not be, as they were when they were finished. */
export function dropChangedDisks(layout: StoreLayout): DroppedDisks {
  const keys = listFolder(layout.folder('disks')).flatMap((name) => /^([0-9a-f]{64})\.raw$/.exec(name)?.[1] ?? []);
  // One that is being made has its name before its stamp.
  const finished = keys.filter((key) => !existsSync(layout.lockFile(`disk-${key}`)));
  const doubtful = finished.filter((key) => !isStamped(layout.diskFile(key)));
  const changed = new Set(doubtful.filter((key) => isChanged(layout.diskFile(key))));
  for (const key of doubtful) {
    rmSync(`${layout.diskFile(key)}.json`, { force: true });
    rmSync(layout.diskFile(key), { force: true });
  }
  const patches = listPatches(layout);
  const damaged = patches.filter(({ path }) => existsSync(path) && readDiskPatch(path) === undefined);
  for (const { path } of damaged) rmSync(path, { force: true });
  return {
    checked: keys.length + patches.length,
    damaged: [...changed, ...damaged.map(({ key }) => key)],
    unproven: doubtful.filter((key) => !changed.has(key)),
  };
}

/** Whether a disk is the very file that was finished since the machine started, with another content or other times. */
function isChanged(path: string): boolean {
  try {
    const { bootId, fingerprint } = stampSchema.parse(JSON.parse(readFileSync(`${path}.json`, 'utf8')));
    return bootId === currentBootId() && isSameInode(fingerprint, fingerprintWithin(statSync(path, { bigint: true })));
  } catch {
    return false;
  }
}
