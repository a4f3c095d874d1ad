import { closeSync, mkdirSync, openSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { isErrno } from '../util/atomic-file.ts';
import { isLocked, tryLock } from '../util/file-lock.ts';
import { identifyProcess, isAlive, pidNamespace } from '../util/process-identity.ts';
import { temporaryName } from '../util/temporary-name.ts';
import { removeQuietly } from '../util/remove-quietly.ts';

/**
 * A process as journals and locks name it. Whether it lives is looked up in /proc; where that shows other processes (a
 * container that shares the store), the lock of its `presence` file tells.
 */
export const holderSchema = z.object({
  pid: z.number(),
  startTicks: z.string(),
  bootId: z.string(),
  /** PID namespace in which the number is its own. */
  namespace: z.string().optional(),
  /** File in the folder of locks that it holds locked while it lives. */
  presence: z.string().optional(),
});

export type Holder = z.output<typeof holderSchema>;

const ENDING = '.alive';
const NAME = /presence-tmp-(\d+)-([0-9a-z]+)-[0-9a-f]+\.alive$/;

interface Presence {
  readonly name: string;
  readonly descriptor: number;
  users: number;
}

const presences = new Map<string, Presence>();

/** This process as a holder, and its presence until `dispose`. */
export interface OwnPresence extends Disposable {
  readonly holder: Holder;
}

/**
 * Shows that this process lives to all that share a store. Nested uses share one file.
 * @param folder the store's folder of locks
 */
export function showPresence(folder: string): OwnPresence {
  const identity = identifyProcess(process.pid);
  if (identity === undefined) throw new Error('this process is not in /proc');
  const presence = presences.get(folder) ?? create(folder);
  presence.users += 1;
  presences.set(folder, presence);
  let isOpen = true;
  return {
    holder: { ...identity, presence: presence.name },
    [Symbol.dispose]: () => {
      if (!isOpen) return;
      isOpen = false;
      presence.users -= 1;
      if (presence.users > 0) return;
      presences.delete(folder);
      closeSync(presence.descriptor);
      // One that stays is not locked any more, and so of no living process.
      removeQuietly(join(folder, presence.name));
    },
  };
}

/** Whether a holder lives: seen in /proc where it shows it, else by its presence. When that cannot be told, it does. */
export function isHolderAlive(folder: string, holder: Holder): boolean {
  if (holder.namespace === undefined || holder.namespace === pidNamespace()) return isAlive(holder);
  if (holder.presence === undefined) return false;
  return isLocked(join(folder, basename(holder.presence))) !== 'free';
}

/** Whether a process of this PID namespace left its file: one folder listing. */
export function hasStalePresences(folder: string): boolean {
  return list(folder).some((path) => {
    const [, pid, namespace] = NAME.exec(path) ?? [];
    return namespace === pidNamespace() && identifyProcess(Number(pid)) === undefined;
  });
}

/** Deletes the files of processes that died. Returns their paths. */
export function removeStalePresences(folder: string): string[] {
  const stale = list(folder).filter((path) => path.endsWith(ENDING) && isLocked(path) === 'free');
  for (const path of stale) rmSync(path, { force: true });
  return stale;
}

function create(folder: string): Presence {
  mkdirSync(folder, { recursive: true });
  const temporary = temporaryName(join(folder, 'presence'));
  const name = `${basename(temporary).replaceAll('.', '-')}${ENDING}`;
  const descriptor = openSync(temporary, 'wx');
  // Locked before it has its name: a file of that name which is not locked is of a dead process.
  tryLock(descriptor);
  renameSync(temporary, join(folder, name));
  return { name, descriptor, users: 0 };
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name));
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}
