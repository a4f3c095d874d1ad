import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { asOwner } from './namespaces.ts';

/** The lock file of a run, beside its folder. */
export const lockOfRun = (directory: string): string => `${directory}.lock`;

/**
 * The command that deletes the folder of a run, then its lock file: the lock file is what leads to the folder, so a
 * removal that is interrupted, or fails, is taken up again.
 * @param directory `<store>/active/<run>`
 */
export function removalOfRun(directory: string): readonly string[] {
  const script = 'rm -rf --one-file-system -- "$1" && rm -f -- "$2"';
  return ['sh', '-c', script, 'sh', directory, lockOfRun(directory)];
}

/** Waits for the run's lock, its file descriptor 3; several attempts, as what the kernel has not yet ended may write. */
const REMOVE_BEHIND = 'flock --exclusive 3; for pause in 0 0.2 1 5; do sleep $pause; "$@" && exit; done';

/**
 * Deletes what the ended helper of a run has left, if anything, in a process that outlives imgpipe. It holds the run's
 * lock meanwhile, so another workspace leaves the folder to it; when it is killed too, the next workspace takes over.
 */
export function removeRunBehind(directory: string): void {
  let lock: number;
  try {
    // Not made when it is missing: then nothing is left.
    lock = openSync(lockOfRun(directory), 'r');
  } catch {
    // It has gone; or the disk fails, which is no news that may hide how the run ended.
    return;
  }
  const [program = '', ...args] = asOwner(['sh', '-c', REMOVE_BEHIND, 'sh', ...removalOfRun(directory)]);
  const child = spawn(program, args, {
    cwd: '/',
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/bin:/bin`, LC_ALL: 'C' },
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', lock],
  });
  closeSync(lock);
  // Without the tool the next workspace clears it.
  child.on('error', () => undefined);
  child.unref();
}
