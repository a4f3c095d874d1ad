import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { z } from 'zod';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { currentBootId } from '../util/process-identity.ts';
import { listFolder } from './journal.ts';
import { fingerprintOf } from './stat-cache.ts';
import type { StoreLayout } from './store-layout.ts';

const stampSchema = z.object({ bootId: z.string(), fingerprint: z.string() });

/** Writes beside a finished disk which file it is: one that anything touched later is not taken for it. */
export function stampDisk(path: string): void {
  const fingerprint = fingerprintOf(statSync(path, { bigint: true }));
  writeFileAtomic(`${path}.json`, JSON.stringify({ bootId: currentBootId(), fingerprint } satisfies z.input<typeof stampSchema>));
}

/**
 * Whether a disk of the store is the file that was finished. A file from before the last boot may lack bytes that a
 * power cut took; building it again is cheap.
 */
export function isStamped(path: string): boolean {
  try {
    const stamp = stampSchema.parse(JSON.parse(readFileSync(`${path}.json`, 'utf8')));
    return stamp.bootId === currentBootId() && stamp.fingerprint === fingerprintOf(statSync(path, { bigint: true }));
  } catch {
    return false;
  }
}

/** Deletes disks that were changed since they were finished. Those of another boot go without being called damaged. */
export function dropChangedDisks(layout: StoreLayout): { readonly checked: number; readonly dropped: readonly string[] } {
  const keys = listFolder(layout.folder('disks')).flatMap((name) => /^([0-9a-f]{64})\.raw$/.exec(name)?.[1] ?? []);
  // One that is being made has its name before its stamp.
  const finished = keys.filter((key) => !existsSync(layout.lockFile(`disk-${key}`)));
  const doubtful = finished.filter((key) => !isStamped(layout.diskFile(key)));
  const dropped = doubtful.filter((key) => bootOf(layout.diskFile(key)) === currentBootId());
  for (const key of doubtful) {
    rmSync(`${layout.diskFile(key)}.json`, { force: true });
    rmSync(layout.diskFile(key), { force: true });
  }
  return { checked: keys.length, dropped };
}

function bootOf(path: string): string | undefined {
  try {
    return stampSchema.parse(JSON.parse(readFileSync(`${path}.json`, 'utf8'))).bootId;
  } catch {
    return undefined;
  }
}
