import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { identifyProcess, pidNamespace } from './process-identity.ts';

/** How long something half-written of another PID namespace is left alone: its writer cannot be looked up from here. */
const FOREIGN_MS = 24 * 60 * 60 * 1000;

/**
 * Name beside `path` for writing it before it takes its place: `PATH.tmp-PID-NAMESPACE-RANDOM`. Two containers that
 * share a folder may have the same process numbers, so the PID namespace is part of it.
 */
export function temporaryName(path: string): string {
  return `${path}.tmp-${process.pid}-${pidNamespace()}-${randomBytes(4).toString('hex')}`;
}

/** Whether a file or folder has a name of `temporaryName` and whoever wrote it is gone. */
export function isStaleTemporary(path: string, now = Date.now()): boolean {
  const [, pid, namespace] = /\.tmp-(\d+)-([0-9a-z]+)-[0-9a-f]+$/.exec(path) ?? [];
  if (pid === undefined || namespace === undefined) return false;
  if (namespace === pidNamespace()) return identifyProcess(Number(pid)) === undefined;
  const changed = lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
  return changed !== undefined && Math.abs(now - changed) > FOREIGN_MS;
}
