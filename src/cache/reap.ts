import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from '../util/process-identity.ts';
import { isStaleTemporary } from '../util/temporary-name.ts';
import { listFolder, readJournals } from './journal.ts';
import { removeStaleLocks } from './key-lock.ts';
import { hasStalePresences, removeStalePresences } from './presence.ts';
import type { StoreLayout } from './store-layout.ts';

/** What was cleared after dead runs. */
export interface Reaped {
  readonly runs: readonly string[];
  readonly processes: readonly string[];
  readonly paths: readonly string[];
}

/**
 * Clears what dead runs left: processes named in their journals (when they are still the same ones), temporary paths,
 * scratch folders, half-written files, locks. Living runs are not touched. Active layers are the
 * workspace's own, which clears those of dead runs when it starts.
 * @param remove deletes a tree; needs a workspace when files belong to mapped ids
 */
export async function reapDeadRuns(
  layout: StoreLayout,
  remove: (path: string) => Promise<void> = removePlainly,
): Promise<Reaped> {
  // Before the journals: a run has its journal before it has a scratch folder, so one that starts now is not seen here.
  const scratch = listFolder(layout.folder('scratch'));
  const states = readJournals(layout);
  const dead = states.filter((state) => !state.alive);
  const living = new Set(states.filter((state) => state.alive).map((state) => state.record.runId));
  const processes: string[] = [];
  const paths: string[] = [];
  for (const { record } of dead) {
    for (const entry of record.entries) {
      if (entry.type === 'process' && isAlive(entry.process)) {
        process.kill(entry.process.pid, 'SIGKILL');
        processes.push(`${entry.what} (pid ${entry.process.pid})`);
      }
    }
    for (const entry of record.entries) {
      if (entry.type !== 'path') continue;
      await remove(entry.path);
      paths.push(entry.path);
    }
  }
  for (const runId of scratch) {
    if (living.has(runId)) continue;
    const path = join(layout.folder('scratch'), runId);
    await remove(path);
    paths.push(path);
  }
  for (const { record } of dead) rmSync(layout.journalFile(record.runId), { force: true });
  paths.push(...(await removeTemporaryFiles(layout, remove)));
  const locks = listFolder(layout.folder('locks')).filter((name) => name.endsWith('.json'));
  paths.push(...removeStaleLocks(locks.map((name) => join(layout.folder('locks'), name))));
  // After the locks and journals that name them.
  paths.push(...removeStalePresences(layout.folder('locks')));
  return { runs: dead.map((state) => state.record.runId), processes, paths };
}

/** Whether a run died without closing its journal: three folder listings, cheap enough for every start. */
export function hasLeftovers(layout: StoreLayout): boolean {
  const isHalfWritten = (name: string): boolean => name.includes('.tmp-');
  const hasStale = (folder: string): boolean =>
    listFolder(folder).some((name) => isStaleTemporary(join(folder, name)));
  return (
    listFolder(layout.folder('journal')).some(isHalfWritten) ||
    readJournals(layout).some((state) => !state.alive) ||
    // Of a process that died before it had a journal.
    hasStale(layout.root) ||
    hasStale(layout.folder('locks')) ||
    hasStalePresences(layout.folder('locks'))
  );
}

/** Folders that hold what is written by a temporary name. */
const FLAT = [
  'disks',
  'snapshots',
  'latest',
  'failed',
  'journal',
  'stat-cache',
  'checked',
  'locks',
  'used',
  'quarantine',
] as const;

/** Folders of such folders: of one run, one node, one cache mount … */
const NESTED = ['actions', 'logs', 'mounts', 'artifacts', 'layers'] as const;

/** Half-written files of processes that died. A number that is in use again keeps one until the next time. */
async function removeTemporaryFiles(
  layout: StoreLayout,
  remove: (path: string) => Promise<void>,
): Promise<string[]> {
  const within = (folder: string): string[] => listFolder(folder).map((name) => join(folder, name));
  const folders = [
    layout.root,
    ...FLAT.map((name) => layout.folder(name)),
    ...NESTED.flatMap((name) => within(layout.folder(name))),
  ];
  const stale = folders.flatMap((folder) => within(folder).filter((path) => isStaleTemporary(path)));
  for (const path of stale) await remove(path);
  return stale;
}

function removePlainly(path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true });
  return Promise.resolve();
}
