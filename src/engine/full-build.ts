import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BesideLayout } from '../cache/beside-layout.ts';
import { Journal } from '../cache/journal.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { EventSink } from '../events/event-sink.ts';
import { lookUp, type LockChange } from '../freshness/bring-up-to-date.ts';
import { readLock, type Lock } from '../freshness/lock-file.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import type { BuildOutcome, BuildRequest, FullBuildOutcome } from './api.ts';
import { build } from './build.ts';
import { adoptRecords, compareWithCache } from './compare-with-cache.ts';
import type { CompiledProject } from './compile.ts';
import { archivesOf, describeChange, lookUpBasics, writeChanges } from './lock-archives.ts';
import { newRunId, Session } from './session.ts';

/**
 * Looks up the package archives, builds everything from nothing beside the cache, compares it with what the cache has,
 * and quarantines keys that gave two results. What came out right is then taken into the cache, the lock is renewed,
 * and the output folders are brought up to date by a build as usual.
 */
export async function fullBuild(
  session: Session,
  compiled: CompiledProject,
  request: BuildRequest,
): Promise<FullBuildOutcome> {
  const { sink } = request;
  const runId = newRunId();
  const startedAt = new Date().toISOString();
  const own = join(session.layout.folder('scratch'), runId);
  // Before the folder: what has no living run is cleared.
  using _journal = Journal.open(session.layout, {
    runId,
    command: 'build --full',
    project: session.config.root,
  });
  mkdirSync(own, { recursive: true });
  try {
    const lock = await readLock(session.config.root, session.statCache);
    const changes = request.locked === true ? [] : await lookUpAll(session, compiled, lock, request);
    const renewed: Lock = new Map([...lock, ...changes.map(({ name, after }) => [name, after] as const)]);
    const beside = sessionBeside(session, own);
    const images = withoutTests(compiled);
    note(sink, 'everything is built from nothing, beside the cache');
    const outcome = await build(
      beside,
      images,
      { ...request, noCache: false, force: false, grow: false },
      renewed,
    );
    const { rows, quarantined } = compareWithCache(session, beside, images);
    const report = {
      startedAt,
      outcome: outcome.outcome,
      archives: changes.map(describeChange),
      rows,
      quarantined: quarantined.map(({ key, node }) => ({ key, node })),
    };
    writeFileAtomic(
      join(session.layout.logFolder(runId), 'full-build.json'),
      `${JSON.stringify(sink.redactor.value(report), undefined, 2)}\n`,
    );
    if (outcome.outcome !== 'succeeded') return { ...outcome, report };
    return { ...(await takeOver(session, beside, compiled, { request, lock, changes })), report };
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return { outcome: request.signal.aborted ? 'aborted' : 'failed', failures: error.failures };
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Renews the lock and takes the records over; the build after that has only the output folders to do. */
async function takeOver(
  session: Session,
  beside: Session,
  compiled: CompiledProject,
  all: { readonly request: BuildRequest; readonly lock: Lock; readonly changes: readonly LockChange[] },
): Promise<BuildOutcome> {
  const { request, lock, changes } = all;
  const renewed = await writeChanges(session, lock, changes, request.sink);
  adoptRecords(session, beside, compiled.graph);
  note(request.sink, 'the output folders are brought up to date');
  return await build(session, compiled, { ...request, grow: false }, renewed);
}

/** A session whose records, disks and images are its own. Nothing is pruned by it. */
function sessionBeside(session: Session, own: string): Session {
  const { directory } = session.config.cache;
  const config = { ...session.config, output: join(own, 'output'), cache: { directory } };
  return new Session(config, new BesideLayout(session.layout.root, own));
}

async function lookUpAll(
  session: Session,
  compiled: CompiledProject,
  lock: Lock,
  { sink, signal }: BuildRequest,
): Promise<readonly LockChange[]> {
  const { changes } = await lookUp({
    ...lookUpBasics(session),
    lock,
    references: archivesOf(compiled),
    renew: 'all',
    signal,
    onStart: (names) => note(sink, `looking up the state of ${names.join(', ')}`),
  });
  return changes;
}

/** Without checks and post-processors: they would test and publish images that nobody is to have. */
function withoutTests(compiled: CompiledProject): CompiledProject {
  const kept = (node: GraphNode): boolean => node.role !== 'check' && node.role !== 'post';
  const nodes = compiled.graph.nodes.filter(kept);
  const ids = new Set(nodes.map(({ id }) => id));
  const dependencies = [...compiled.graph.dependencies].filter(([id]) => ids.has(id));
  const graph: PipelineGraph = { nodes, dependencies: new Map(dependencies) };
  return { ...compiled, graph };
}

function note(sink: EventSink, message: string): void {
  sink.emit({ type: 'notice', level: 'info', message });
}
