import { pruneStore, type PruneOutcome } from '../cache/maintenance.ts';
import { hasLeftovers } from '../cache/reap.ts';
import { trimMountsDaily } from '../cache/trim-mounts.ts';
import type { PrunePolicy } from '../cache/prune.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { Workspace } from '../layers/workspace.ts';
import { collectGarbage } from './maintenance.ts';
import type { Session } from './session.ts';

/**
 * Brings the store back within the config's bounds at the end of a run that wrote to it. What this run used is leased
 * and stays, even when that alone is more than the bounds allow. Never fails a build.
 */
export async function pruneAfterRun(
  session: Session,
  policy: PrunePolicy,
  run: { readonly id: string; readonly sink: EventSink; readonly openWorkspace: () => Promise<Workspace> },
): Promise<void> {
  const { id: ownRun, sink, openWorkspace } = run;
  try {
    const outcome = await pruneStore(session.layout, session.layers, {
      policy,
      dryRun: false,
      openWorkspace,
      ownRun,
    });
    if (outcome.removed.length > 0) sink.emit({ type: 'notice', level: 'info', message: describe(outcome) });
  } catch (error) {
    const message = `the cache could not be brought within its bounds: ${error instanceof Error ? error.message : String(error)}`;
    sink.emit({ type: 'notice', level: 'warning', message });
  }
}

const MAX_MOUNT_BYTES = 5_000_000_000;

/** Brings cache mounts back to their size, once a day. Never fails a build. */
export async function trimAfterRun(
  session: Session,
  {
    id,
    sink,
    openWorkspace,
  }: { readonly id: string; readonly sink: EventSink; readonly openWorkspace: () => Promise<Workspace> },
): Promise<void> {
  try {
    const limits = { maxBytes: session.config.cache.maxMountSize ?? MAX_MOUNT_BYTES, ownRun: id };
    const remove = async (path: string): Promise<void> => await (await openWorkspace()).remove(path);
    const freed = await trimMountsDaily(session.layout, limits, remove);
    if (freed === 0) return;
    const message = `cache: deleted the oldest files of cache mounts, ${(freed / 1e6).toFixed(1)} MB`;
    sink.emit({ type: 'notice', level: 'info', message });
  } catch (error) {
    const message = `cache mounts could not be brought within their size: ${error instanceof Error ? error.message : String(error)}`;
    sink.emit({ type: 'notice', level: 'warning', message });
  }
}

function describe({ removed, freed }: PruneOutcome): string {
  return `cache: deleted ${removed.length} thing${removed.length === 1 ? '' : 's'} not used for longest, ${(freed / 1e6).toFixed(1)} MB`;
}

/** Clears what killed runs left, if there are any. */
export async function collectAfterDeadRuns(session: Session, sink: EventSink): Promise<void> {
  if (!hasLeftovers(session.layout)) return;
  try {
    const { processes, paths } = await collectGarbage(session);
    const count = processes.length + paths.length;
    if (count === 0) return;
    const message = `cleared ${count} left-over${count === 1 ? '' : 's'} of a run that was killed`;
    sink.emit({ type: 'notice', level: 'info', message });
  } catch (error) {
    const message = `what a killed run left could not be cleared: ${error instanceof Error ? error.message : String(error)}`;
    sink.emit({ type: 'notice', level: 'warning', message });
  }
}
