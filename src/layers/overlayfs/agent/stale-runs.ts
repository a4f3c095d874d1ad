import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LayerStore } from '../../layer-store.ts';
import { runTool } from './host-tool.ts';

/** Name of the lock file of a run, beside its folder. */
const lockName = (run: string): string => `${run}.lock`;

/**
 * Deletes what dead runs left under `<store>/active`. A living run's helper holds a lock (flock(2)) on its lock file,
 * which the kernel releases however the process ends; that holds across PID namespaces, unlike process numbers.
 */
export async function removeStaleRuns(store: LayerStore, own: string): Promise<void> {
  const locks = readdirSync(store.activeDirectory).filter(
    (name) => name.endsWith('.lock') && name !== lockName(own),
  );
  for (const name of locks) {
    const lock = join(store.activeDirectory, name);
    const directory = lock.slice(0, -'.lock'.length);
    // Fails at once when the lock is held. The lock file goes last, so an interrupted removal is taken up again.
    await runTool([
      'flock',
      '--nonblock',
      lock,
      'rm',
      '-rf',
      '--one-file-system',
      '--',
      directory,
      lock,
    ]).catch(() => undefined);
  }
}
