import { capture, FailureError, type Failure } from '../diagnostics/failure.ts';
import type { ArchiveReference, LockedArchive } from '../model/archive.ts';
import { noteChecked, readCheckedTimes } from './checked-times.ts';
import type { Lock } from './lock-file.ts';
import { resolveArchive } from './resolve-archive.ts';

/** What became of one entry. */
export interface LockChange {
  readonly name: string;
  /** Undefined: it was not there. */
  readonly before?: LockedArchive;
  readonly after: LockedArchive;
}

export interface LookUpOptions {
  readonly lock: Lock;
  readonly references: readonly ArchiveReference[];
  /** Which entries are looked up although they are there. */
  readonly renew: 'all' | 'stale' | 'none';
  /** File of `noteChecked`. */
  readonly checkedFile: string;
  readonly now: Date;
  readonly signal: AbortSignal;
  /** Called before anything is downloaded, with the names that are looked up. */
  readonly onStart?: (names: readonly string[]) => void;
}

export interface LookedUp {
  /** Entries that are new or differ. */
  readonly changes: readonly LockChange[];
  /** Entries that are there, but could not be compared with their archive. */
  readonly unreachable: readonly { readonly name: string; readonly failures: readonly Failure[] }[];
}

/**
 * Looks up the references that have no entry yet, and those to be renewed, side by side.
 * @throws FailureError when one without an entry cannot be looked up, or with `renew: 'all'` any
 */
export async function lookUp(options: LookUpOptions): Promise<LookedUp> {
  const { lock, checkedFile, now, signal, renew } = options;
  const wanted = wantedReferences(options);
  if (wanted.length === 0) return { changes: [], unreachable: [] };
  options.onStart?.(wanted.map(({ name }) => name));
  const results = await Promise.all(
    wanted.map(async (reference) => {
      const known = lock.get(reference.name);
      const result = await capture(() => resolveArchive(reference, { known, now, signal }));
      return { name: reference.name, known, result };
    }),
  );
  const failures = results.flatMap(({ known, result }) =>
    result.ok || (known !== undefined && renew !== 'all') ? [] : result.failures,
  );
  if (failures.length > 0) throw new FailureError(...failures);
  const reached = results.flatMap(({ name, known, result }) =>
    result.ok ? [{ name, before: known, after: result.value }] : [],
  );
  noteChecked(
    checkedFile,
    reached.map(({ name }) => name),
    now,
  );
  return {
    changes: reached
      .filter(({ before, after }) => before !== after)
      .map(({ name, before, after }) => ({ name, ...(before && { before }), after })),
    unreachable: results.flatMap(({ name, result }) =>
      result.ok ? [] : [{ name, failures: result.failures }],
    ),
  };
}

/** One reference for each name that has to be looked up. */
function wantedReferences({ lock, references, renew, checkedFile, now }: LookUpOptions): ArchiveReference[] {
  const byName = Map.groupBy(references, ({ name }) => name);
  const checked =
    renew === 'stale' && references.some(({ freshMs }) => freshMs !== undefined)
      ? readCheckedTimes(checkedFile)
      : {};
  return [...byName].flatMap(([name, group]) => {
    const [first] = group;
    const entry = lock.get(name);
    if (first === undefined) return [];
    if (entry === undefined || renew === 'all') return [first];
    const freshMs = Math.min(...group.map((one) => one.freshMs ?? Infinity));
    const age = now.getTime() - (checked[name] ?? Date.parse(entry.resolved));
    // A clock that was set back is no reason to trust an entry for long.
    return renew === 'stale' && (age > freshMs || age < -freshMs) ? [first] : [];
  });
}
