import { join } from 'node:path';
import { listFolder } from './journal.ts';
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
