import { takeInventory } from '../cache/inventory.ts';
import { listFolder, readJournals, type RunState } from '../cache/journal.ts';
import { pruneStore, verifyStore, type PruneOutcome, type VerifyOutcome } from '../cache/maintenance.ts';
import { freeBytes, type PrunePolicy } from '../cache/prune.ts';
import { reapDeadRuns, type Reaped } from '../cache/reap.ts';
import type { Workspace } from '../layers/workspace.ts';
import type { CacheUsage, PruneOptions } from './api.ts';
import type { Session } from './session.ts';

/** Everything in the store, and the bounds it should keep. */
export async function measureCache(session: Session): Promise<CacheUsage> {
  return {
    directory: session.layout.root,
    items: await takeInventory(session.layout, session.layers),
    limit: session.config.cache.maxSize,
    free: freeBytes(session.layout.root),
  };
}

/** The bounds of the config; undefined when it sets none. */
export function configuredBounds(session: Session): PrunePolicy | undefined {
  const { maxSize, maxAge, minFree } = session.config.cache;
  if (maxSize === undefined && maxAge === undefined && minFree === undefined) return undefined;
  return { maxSize, maxAgeMs: maxAge, minFree };
}

/** Deletes by the options given, or by the config's bounds when none is. */
export async function pruneCache(session: Session, options: PruneOptions): Promise<PruneOutcome> {
  const { dryRun, ...given } = options;
  const isGiven = given.maxSize !== undefined || given.maxAgeMs !== undefined || given.all === true;
  const policy = isGiven ? given : (configuredBounds(session) ?? {});
  let workspace: Promise<Workspace> | undefined;
  try {
    return await pruneStore(session.layout, session.layers, {
      policy,
      dryRun,
      openWorkspace: () => (workspace ??= session.openWorkspace()),
    });
  } finally {
    await (await workspace)?.[Symbol.asyncDispose]();
  }
}

/** Hashes every layer again; damaged ones are dropped. */
export async function verifyCache(
  session: Session,
  onProgress: (done: number, total: number, digest: string) => void,
): Promise<VerifyOutcome> {
  await using workspace = await session.openWorkspace();
  return await verifyStore(session.layout, session.layers, workspace, onProgress);
}

/** Clears what killed runs left. */
export async function collectGarbage(session: Session): Promise<Reaped> {
  await using workspace = await session.openWorkspace();
  // It clears the active layers of dead runs when it starts.
  if (listFolder(session.layers.activeDirectory).length > 0) workspace.warmUp();
  return await reapDeadRuns(session.layout, (path) => workspace.remove(path));
}

/** Runs that live now. */
export function listRuns(session: Session): RunState[] {
  return readJournals(session.layout).filter((state) => state.alive);
}
