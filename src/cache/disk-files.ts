import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { listFolder, readJournals } from './journal.ts';
import type { StoreLayout } from './store-layout.ts';

/** A disk kept as its difference from a base. */
export interface PatchFile {
  readonly key: string;
  /** Key of the base. */
  readonly base: string;
  readonly path: string;
}

/** The patches of a store by their names. */
export function listPatches(layout: StoreLayout): PatchFile[] {
  return listFolder(layout.folder('disks')).flatMap((name) => {
    const [, key, base] = /^([0-9a-f]{64})\.([0-9a-f]{64})\.patch$/.exec(name) ?? [];
    if (key === undefined || base === undefined) return [];
    return [{ key, base, path: join(layout.folder('disks'), name) }];
  });
}

/**
 * Makes the next build of a disk begin from nothing: takes away the stamp of its base and of itself, and all patches of
 * the base, which stand on its bytes. The files stay until new ones take their names, for whoever reads them now.
 * @returns false when another living run uses one of them: then they stay as they are
 */
export function forgetDisk(
  layout: StoreLayout,
  disk: { readonly key: string; readonly base: string },
  ownRun: string,
): boolean {
  const patches = listPatches(layout).filter(({ base }) => base === disk.base);
  const names = new Set([disk.key, disk.base, ...patches.map(({ key }) => key)]);
  const isUsed = readJournals(layout).some(
    ({ alive, record }) => alive && record.runId !== ownRun && record.leases.some((lease) => names.has(lease)),
  );
  if (isUsed) return false;
  for (const { path } of patches) rmSync(path, { force: true });
  for (const key of [disk.key, disk.base]) rmSync(`${layout.diskFile(key)}.json`, { force: true });
  return true;
}
