import { randomUUID } from 'node:crypto';
import { storeFailure } from '../cache/open-store.ts';
import { capture, FailureError } from '../diagnostics/failure.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { LockChange, LookUpOptions } from '../freshness/bring-up-to-date.ts';
import { changeLock, LOCK_FILE, readLock, type Lock } from '../freshness/lock-file.ts';
import type { ArchiveReference, LockedArchive } from '../model/archive.ts';
import type { CompiledProject } from './compile.ts';
import type { Session } from './session.ts';

/** The package archives that the nodes of a project install from. */
export function archivesOf({ descriptions }: CompiledProject): readonly ArchiveReference[] {
  return [...descriptions.values()].flatMap(({ archives }) => archives ?? []);
}

/**
 * The lock that a build goes by. Archives without an entry are looked up and written down, and so are those that are
 * older than `fresh` allows; when all are there, this reads one file and touches no network.
 * @throws FailureError `lock-invalid`, `archive-failed`, `source-failed`, `tool-missing`
 */
export async function lockArchives(
  session: Session,
  compiled: CompiledProject,
  request: { readonly sink: EventSink; readonly signal: AbortSignal; readonly locked?: boolean },
): Promise<Lock> {
  const all = archivesOf(compiled);
  if (all.length === 0) return new Map();
  const unlocked = await lookUpUnlocked(session, all, request);
  const references = all.filter((reference) => reference.unlocked !== true);
  if (references.length === 0) return unlocked;
  const { root } = session.config;
  const lock = await readLock(root, session.statCache);
  const isEnough = references.every(({ name, freshMs }) => lock.has(name) && freshMs === undefined);
  if (isEnough) return lock;
  if (request.locked === true) {
    const missing = references.filter(({ name }) => !lock.has(name)).map(({ name }) => name);
    if (missing.length === 0) return lock;
    throw new FailureError({
      reason: 'lock-invalid',
      message: `${LOCK_FILE} has no entry for ${[...new Set(missing)].join(', ')}, and --locked lets nothing be looked up`,
      hint: 'Run `imgpipe update` and keep the file under version control.',
    });
  }
  const { sink } = request;
  const { lookUp } = await import('../freshness/bring-up-to-date.ts');
  const { changes, unreachable } = await lookUp({
    ...lookUpBasics(session),
    lock,
    references,
    renew: 'stale',
    signal: request.signal,
    onStart: (names) => {
      sink.emit({ type: 'notice', level: 'info', message: `looking up the state of ${names.join(', ')}` });
    },
  });
  for (const { name, failures } of unreachable) {
    const since = lock.get(name)?.resolved ?? '';
    const message = `${failures[0]?.message ?? name}; the state of ${since} is used, as ${LOCK_FILE} has it`;
    sink.emit({ type: 'notice', level: 'warning', message });
  }
  return await writeChanges(session, lock, changes, sink);
}

/**
 * What templates name that have no lock: as it is now, kept in memory. What cannot be looked up is of no known state: its
 * source runs, and fails by itself with its own build.
 */
async function lookUpUnlocked(
  session: Session,
  all: readonly ArchiveReference[],
  { signal }: { readonly signal: AbortSignal },
): Promise<Lock> {
  const references = all.filter((reference) => reference.unlocked === true);
  if (references.length === 0) return new Map();
  const { lookUp } = await import('../freshness/bring-up-to-date.ts');
  const lock: Lock = new Map();
  const found = await Promise.all(
    references.map(async (reference) => {
      const request = {
        ...lookUpBasics(session),
        lock,
        references: [reference],
        renew: 'none',
        signal,
      } as const;
      const result = await capture(() => lookUp(request));
      return result.ok ? result.value.changes : [{ name: reference.name, after: unknownState(request.now) }];
    }),
  );
  return new Map(found.flat().map(({ name, after }) => [name, after]));
}

/** A state that no other is equal to. */
function unknownState(now: Date): LockedArchive {
  const at = now.toISOString();
  const content = `unknown:${randomUUID()}`;
  return {
    resolved: at,
    releases: [{ uri: '', suite: '', components: [], date: at, release: content, content }],
  };
}

/** What every look-up of a project has in common. */
export function lookUpBasics(session: Session): Pick<LookUpOptions, 'checkedFile' | 'now'> {
  return { checkedFile: session.layout.checkedFile(session.config.root), now: new Date() };
}

/** Puts changes into the file and tells of them. A folder that cannot be written costs a warning: the build goes on. */
export async function writeChanges(
  session: Session,
  lock: Lock,
  changes: readonly LockChange[],
  sink: EventSink,
): Promise<Lock> {
  const put = new Map(changes.map(({ name, after }) => [name, after]));
  for (const change of changes)
    sink.emit({ type: 'notice', level: 'info', message: `${LOCK_FILE}: ${describeChange(change)}` });
  try {
    await changeLock(session.config.root, { put }, session.statCache);
  } catch (error) {
    const failure = storeFailure(session.config.root, error);
    if (failure === undefined) throw error;
    const message = `${LOCK_FILE} cannot be written, so the next build may take the archives of another day`;
    sink.emit({ type: 'notice', level: 'warning', message });
  }
  return new Map([...lock, ...put]);
}

/** `debian bookworm main (amd64): bookworm 2026-07-11, bookworm-updates 2026-11-20 → 2026-11-21`. */
export function describeChange({ name, before, after }: LockChange): string {
  return `${name}: ${suiteChanges(before, after)
    .map((one) =>
      one.before === undefined || one.before === one.after
        ? `${one.suite} ${one.after ?? 'gone'}`
        : `${one.suite} ${one.before} → ${one.after ?? 'gone'}`,
    )
    .join(', ')}`;
}

export interface SuiteChange {
  readonly suite: string;
  readonly before?: string;
  readonly after?: string;
}

/** The suites of two states with their dates; dates of one day show the time as well. */
export function suiteChanges(
  before: LockedArchive | undefined,
  after: LockedArchive | undefined,
): SuiteChange[] {
  const datesOf = (archive: LockedArchive | undefined): Map<string, string> =>
    new Map(archive?.releases.map(({ suite, date }) => [suite, date]));
  const [old, young] = [datesOf(before), datesOf(after)];
  return [...new Set([...old.keys(), ...young.keys()])].map((suite) => {
    const [then, now] = [old.get(suite), young.get(suite)];
    const sameDay = then !== now && then?.slice(0, 10) === now?.slice(0, 10);
    const show = (date: string | undefined): string | undefined => (sameDay ? date : date?.slice(0, 10));
    return { suite, ...(then && { before: show(then) ?? '' }), ...(now && { after: show(now) ?? '' }) };
  });
}
