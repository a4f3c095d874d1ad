import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fingerprintOf, type StatCache } from '../cache/stat-cache.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { LockedArchive } from '../model/archive.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';

/** File beside the config that names the state of everything outside the project which it builds from. */
export const LOCK_FILE = 'imgpipe.lock';

/** The lock of a project: states of package archives by name. */
export type Lock = ReadonlyMap<string, LockedArchive>;

const lockPath = (root: string): string => join(root, LOCK_FILE);

/**
 * The lock of a project; empty when there is no file.
 * @param seen remembers that the file was checked, so that a build with nothing to do loads no schema
 * @throws FailureError `lock-invalid`
 */
export async function readLock(root: string, seen: StatCache): Promise<Lock> {
  const path = lockPath(root);
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (stat === undefined) return new Map();
  const fingerprint = fingerprintOf(stat);
  const before = BigInt(Date.now()) * 1_000_000n;
  const text = readFileSync(path, 'utf8');
  if (seen.get(seenName(path), fingerprint) !== undefined) {
    // It went through the schema when it had this very fingerprint.
    return entriesOf(JSON.parse(text) as LockContent);
  }
  const content = await parseLock(path, text);
  seen.set(seenName(path), fingerprint, 'checked', stat.ctimeNs, before);
  return entriesOf(content);
}

interface LockContent {
  readonly archives: Readonly<Record<string, LockedArchive>>;
}

/** @throws FailureError `lock-invalid`, at every place that is wrong */
async function parseLock(path: string, text: string): Promise<LockContent> {
  const [{ lockSchema }, { parseJson }, { parseLocated }] = await Promise.all([
    import('./lock-schema.ts'),
    import('../schema/yaml-file.ts'),
    import('../schema/issues.ts'),
  ]);
  const reason = 'lock-invalid';
  const file = parseJson(path, text, reason);
  const parsed = file.ok
    ? parseLocated(lockSchema, file.value.value, {
        subject: LOCK_FILE,
        locate: file.value.locate,
        reason,
        noun: 'field',
      })
    : file;
  if (parsed.ok) return parsed.value;
  const hint = /^<{7}|^>{7}/m.test(text)
    ? 'Two branches changed it: take either side whole, then run `imgpipe update`.'
    : 'Take it back from version control, or delete it: the next build looks everything up anew.';
  throw new FailureError(
    ...parsed.failures.map((failure) => ({
      ...failure,
      message: `${LOCK_FILE} cannot be read: ${failure.message.replace(`${LOCK_FILE}: `, '')}`,
      hint,
    })),
  );
}

/**
 * Puts entries into the lock, and takes some out. What another process wrote meanwhile stays.
 * @returns whether the file changed
 * @throws the file system's own error; FailureError `lock-invalid`
 */
export async function changeLock(
  root: string,
  change: { readonly put: Lock; readonly remove?: Iterable<string> },
  seen: StatCache,
): Promise<boolean> {
  const before = await readLock(root, seen);
  const after = new Map([...before, ...change.put]);
  for (const name of change.remove ?? []) after.delete(name);
  const text = formatLock(after);
  if (after.size === 0 && before.size === 0) return false;
  if (text === readText(lockPath(root))) return false;
  writeFileAtomic(lockPath(root), text);
  return true;
}

/** The lock as text: sorted, one value a line, so that a change reads well in a diff. */
function formatLock(lock: Lock): string {
  const archives = Object.fromEntries(
    [...lock]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { resolved, releases }]) => [
        name,
        {
          resolved,
          releases: releases.map(({ uri, suite, components, date, release, content }) => ({
            uri,
            suite,
            components,
            date,
            release,
            content,
          })),
        },
      ]),
  );
  return `${JSON.stringify({ format: 1, archives }, undefined, 2)}\n`;
}

const seenName = (path: string): string => `lock:${path}`;

const entriesOf = (content: LockContent): Lock => new Map(Object.entries(content.archives));

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
