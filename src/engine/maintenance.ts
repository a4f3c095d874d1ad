import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { takeInventory } from '../cache/inventory.ts';
import { storeFailure } from '../cache/open-store.ts';
import { FailureError } from '../diagnostics/failure.ts';
import { Journal, listFolder, readJournals, type RunState } from '../cache/journal.ts';
import { pruneStore, verifyStore, type PruneOutcome, type VerifyOutcome } from '../cache/maintenance.ts';
import { freeBytes, type PrunePolicy } from '../cache/prune.ts';
import { reapDeadRuns, type Reaped } from '../cache/reap.ts';
import type { Workspace } from '../layers/workspace.ts';
import type { CacheUsage, PruneOptions } from './api.ts';
import { isErrno } from '../util/atomic-file.ts';
import { newRunId, type Session } from './session.ts';

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
  const runId = newRunId();
  using _journal = dryRun ? undefined : openJournal(session, 'cache prune', runId);
  let workspace: Promise<Workspace> | undefined;
  try {
    return await pruneStore(session.layout, session.layers, {
      policy,
      dryRun,
      ownRun: runId,
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
  using _journal = openJournal(session, 'cache verify');
  await using workspace = await session.openWorkspace();
  return await verifyStore(session.layout, session.layers, workspace, onProgress);
}

/** Clears what killed runs left. */
export async function collectGarbage(session: Session): Promise<Reaped> {
  using _journal = openJournal(session, 'gc');
  await using workspace = await session.openWorkspace();
  const { activeDirectory } = session.layers;
  const left = listFolder(activeDirectory);
  const reaped = await reapDeadRuns(session.layout, (path) => workspace.remove(path));
  if (left.length === 0) return reaped;
  // The helper clears them when it starts: also those of runs that were stopped and not given the time to.
  await workspace.settle();
  const cleared = left
    .filter((name) => !name.endsWith('.lock'))
    .map((name) => join(activeDirectory, name))
    .filter((path) => !existsSync(path));
  return { ...reaped, paths: [...reaped.paths, ...cleared] };
}

/** So that what this command leaves when it is killed is found. A disk too full for it is no reason not to clear it. */
function openJournal(session: Session, command: string, runId = newRunId()): Journal | undefined {
  try {
    return new Journal(session.layout, { runId, command, project: session.config.root });
  } catch (error) {
    if (isErrno(error, 'ENOSPC', 'EDQUOT')) return undefined;
    const failure = storeFailure(session.layout.root, error);
    throw failure === undefined ? error : new FailureError(failure);
  }
}

/** Runs that live now. */
export function listRuns(session: Session): RunState[] {
  return readJournals(session.layout).filter((state) => state.alive);
}
