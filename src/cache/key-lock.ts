import { closeSync, linkSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isErrno } from '../util/atomic-file.ts';
import { temporaryName } from '../util/temporary-name.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import { holderSchema, isHolderAlive, showPresence, type Holder } from './presence.ts';

/**
 * One worker a name across processes, so that two terminals share one build. The lock is a file that names its
 * holder; a dead holder's lock is taken over. Made by `link`, which is atomic and fails when the name is taken.
 */
export async function acquireLock(
  path: string,
  options: { signal: AbortSignal; onWait?: (pid: number) => void; pollMs?: number },
): Promise<Disposable> {
  let waited = false;
  const presence = showPresence(dirname(path));
  const release = (): void => {
    removeQuietly(path);
    presence[Symbol.dispose]();
  };
  try {
    for (;;) {
      if (tryCreate(path, presence.holder)) return { [Symbol.dispose]: release };
      const holder = readHolder(path);
      if (holder !== undefined && !isHolderAlive(dirname(path), holder)) {
        removeStale(path, holder);
        await sleep(1);
        continue;
      }
      if (holder !== undefined && !waited) options.onWait?.(holder.pid);
      waited ||= holder !== undefined;
      await sleep(options.pollMs ?? 100, undefined, { signal: options.signal });
    }
  } catch (error) {
    presence[Symbol.dispose]();
    throw error;
  }
}

function tryCreate(path: string, holder: Holder): boolean {
  const mine = temporaryName(path);
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(mine, JSON.stringify(holder));
    linkSync(mine, path);
    return true;
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false;
    throw error;
  } finally {
    removeQuietly(mine);
  }
}

/** Deletes locks of dead holders, which nobody may ever ask for again. Returns their paths. */
export function removeStaleLocks(paths: readonly string[]): string[] {
  return paths.filter((path) => {
    const holder = readHolder(path);
    if (holder === undefined || isHolderAlive(dirname(path), holder)) return false;
    removeStale(path, holder);
    return true;
  });
}

/** The holder, or undefined when the lock is gone or unreadable. An unreadable one is removed: nobody can hold it. */
function readHolder(path: string): Holder | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    rmSync(path, { force: true });
    return undefined;
  }
}

/**
 * Deletes a dead holder's lock. Only one process may do so at a time: between reading and deleting, another could
 * have taken the lock over already, and its new lock would be deleted. A guard left by a crash counts for 5 s.
 */
function removeStale(path: string, dead: Holder): void {
  const guard = `${path}.takeover`;
  try {
    closeSync(openSync(guard, 'wx'));
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    const age = Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? 0);
    // Either way: a guard from the future was made before the clock was set back.
    if (Math.abs(age) > 5_000) rmSync(guard, { force: true });
    return;
  }
  try {
    const now = readHolder(path);
    if (now !== undefined && now.pid === dead.pid && now.startTicks === dead.startTicks) rmSync(path, { force: true });
  } finally {
    rmSync(guard, { force: true });
  }
}
