import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LayerStore } from '../../layer-store.ts';
import { lockOfRun, removalOfRun } from '../run-folder.ts';
import { runTool } from './host-tool.ts';

/**
 * Deletes what dead runs left under `<store>/active`. A living run's helper holds a lock (flock(2)) on its lock file,
 * which the kernel releases however the process ends; that holds across PID namespaces, unlike process numbers.
 */
export async function removeStaleRuns(store: LayerStore, own: string): Promise<void> {
  const runs = readdirSync(store.activeDirectory).flatMap((name) => /^(.*)\.lock$/.exec(name)?.[1] ?? []);
  for (const run of runs) {
    if (run === own) continue;
    const directory = join(store.activeDirectory, run);
    // Fails at once when the lock is held.
    await runTool(['flock', '--nonblock', lockOfRun(directory), ...removalOfRun(directory)]).catch(
      () => undefined,
    );
  }
}
