import { fail, ok, type Result } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import { lookUp } from '../freshness/bring-up-to-date.ts';
import { changeLock, readLock } from '../freshness/lock-file.ts';
import type { ArchiveReference } from '../model/archive.ts';
import { globToRegExp } from '../util/glob.ts';
import type { UpdatedEntry, UpdateRequest } from './api.ts';
import type { CompiledProject } from './compile.ts';
import { archivesOf, lookUpBasics, suiteChanges } from './lock-archives.ts';
import type { Session } from './session.ts';

/**
 * Looks up what the archives of a project hold now, and writes it into the lock.
 * @throws FailureError `lock-invalid`, `archive-failed`, `source-failed`, `tool-missing`
 */
export async function updateLock(
  session: Session,
  compiled: CompiledProject,
  { names, prune, dryRun, signal }: UpdateRequest,
): Promise<Result<readonly UpdatedEntry[]>> {
  const { root } = session.config;
  const lock = await readLock(root, session.statCache);
  const users = usersOf(compiled);
  const chosen = choose(archivesOf(compiled), names, users);
  if (!chosen.ok) return chosen;
  const { changes } = await lookUp({
    ...lookUpBasics(session),
    lock,
    references: chosen.value,
    renew: 'all',
    signal,
  });
  const changed = new Map(changes.map((change) => [change.name, change]));
  const entries = [...new Set(chosen.value.map(({ name }) => name))].map((name): UpdatedEntry => {
    const change = changed.get(name);
    const before = lock.get(name);
    const suites = suiteChanges(before, change?.after ?? before);
    const state = change === undefined ? 'same' : before === undefined ? 'new' : 'moved';
    return { name, state, suites, pipelines: [...(users.get(name) ?? [])] };
  });
  const unused = prune ? [...lock.keys()].filter((name) => !users.has(name)) : [];
  const removed = unused.map((name): UpdatedEntry => {
    return { name, state: 'removed', suites: suiteChanges(lock.get(name), undefined), pipelines: [] };
  });
  if (!dryRun) {
    const put = new Map(changes.map(({ name, after }) => [name, after]));
    await changeLock(root, { put, remove: unused }, session.statCache);
    session.statCache.save();
  }
  return ok([...entries, ...removed]);
}

/** Entry → pipelines whose nodes read it. */
function usersOf({ graph, descriptions }: CompiledProject): ReadonlyMap<string, ReadonlySet<string>> {
  const users = new Map<string, Set<string>>();
  for (const node of graph.nodes) {
    for (const { name } of descriptions.get(node.id)?.archives ?? []) {
      const known = users.get(name);
      if (known === undefined) users.set(name, new Set([node.pipeline.id]));
      else known.add(node.pipeline.id);
    }
  }
  return users;
}

/** The references that names (globs of pipelines or of entries) choose; all for no names. */
function choose(
  references: readonly ArchiveReference[],
  names: readonly string[],
  users: ReadonlyMap<string, ReadonlySet<string>>,
): Result<readonly ArchiveReference[]> {
  if (names.length === 0) return ok(references);
  const namesOf = (entry: string): string[] => {
    const pipelines = [...(users.get(entry) ?? [])];
    return [
      entry,
      entry.replace(/ \([^)]*\)$/, ''),
      ...pipelines,
      ...pipelines.map((id) => id.replace(/\[.*$/, '')),
    ];
  };
  const known = new Set(references.flatMap(({ name }) => namesOf(name)));
  const patterns = names.map((name) => ({ name, pattern: globToRegExp(name) }));
  const lost = patterns.find(
    ({ name, pattern }) => !known.has(name) && ![...known].some((one) => pattern.test(one)),
  );
  if (lost !== undefined) {
    const hint = suggestName(lost.name, known, 'names');
    return fail({
      reason: 'template-not-found',
      message: `no pipeline that installs packages, and no entry of imgpipe.lock, is called "${lost.name}"`,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return ok(
    references.filter(({ name: entry }) =>
      patterns.some(({ name, pattern }) => namesOf(entry).some((one) => one === name || pattern.test(one))),
    ),
  );
}
