import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { isErrno } from './atomic-file.ts';
import { toolEnvironment } from './tool-environment.ts';

/**
 * Locks a file as flock(2) does, for as long as the descriptor stays open: the kernel lets go when this process ends in
 * any way, and every process of the machine sees it, whatever its PID namespace. flock(1) takes the lock on our own open
 * file, which outlives it; children do not inherit the descriptor.
 * @returns `held` by somebody else, or `unknown` when this host has no flock(1) or the file system no locks
 */
export function tryLock(descriptor: number): 'locked' | 'held' | 'unknown' {
  const { status } = spawnSync('flock', ['--nonblock', '--conflict-exit-code', '75', '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
    env: toolEnvironment(),
  });
  if (status === 0) return 'locked';
  return status === 75 ? 'held' : 'unknown';
}

/** Whether a living process holds the lock of a file; a file that is gone is not held. */
export function isLocked(path: string): 'held' | 'free' | 'unknown' {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    return isErrno(error, 'ENOENT', 'ENOTDIR') ? 'free' : 'unknown';
  }
  try {
    const lock = tryLock(descriptor);
    return lock === 'locked' ? 'free' : lock;
  } finally {
    closeSync(descriptor);
  }
}
