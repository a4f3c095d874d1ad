import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from '../util/atomic-file.ts';
import { isAlive } from '../util/process-identity.ts';
import { listFolder, readJournals } from './journal.ts';
import type { StoreLayout } from './store-layout.ts';

/** What was cleared after dead runs. */
export interface Reaped {
  readonly runs: readonly string[];
  readonly processes: readonly string[];
  readonly paths: readonly string[];
}

/**
 * Clears what dead runs left: processes named in their journals (when they are still the same ones), temporary paths,
 * scratch folders, half-written files. Living runs are not touched. Active layers are the
 * workspace's own, which clears those of dead runs when it starts.
 * @param remove deletes a tree; needs a workspace when files belong to mapped ids
 */
export async function reapDeadRuns(
  layout: StoreLayout,
  remove: (path: string) => Promise<void> = removePlainly,
): Promise<Reaped> {
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
  for (const runId of listFolder(layout.folder('scratch'))) {
    if (living.has(runId)) continue;
    const path = join(layout.folder('scratch'), runId);
    await remove(path);
    paths.push(path);
  }
  for (const { record } of dead) rmSync(layout.journalFile(record.runId), { force: true });
  if (living.size === 0) removeTemporaryFiles(layout, paths);
  return { runs: dead.map((state) => state.record.runId), processes, paths };
}

/** Whether a run died without closing its journal: one folder listing, cheap enough for every start. */
export function hasLeftovers(layout: StoreLayout): boolean {
  return readJournals(layout).some((state) => !state.alive);
}

/** Half-written files of processes that died: safe to delete when no run lives. */
function removeTemporaryFiles(layout: StoreLayout, removed: string[]): void {
  for (const folder of ['disks', 'latest', 'failed', 'journal', 'stat-cache', 'locks', 'actions'] as const) {
    const root = layout.folder(folder);
    let names: string[];
    try {
      names = folder === 'actions' ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : readdirSync(root);
    } catch (error) {
      if (isErrno(error, 'ENOENT')) continue;
      throw error;
    }
    for (const name of names.filter((name) => name.includes('.tmp-') || name.endsWith('.takeover'))) {
      const path = join(root, name);
      rmSync(path, { force: true, recursive: true });
      removed.push(path);
    }
  }
}

function removePlainly(path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true });
  return Promise.resolve();
}
