import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import type { NodeOutput } from '../cache/action-record.ts';
import type { Journal } from '../cache/journal.ts';
import { hasJournals, noteUse, noteUseDaily } from '../cache/usage.ts';
import {
  capture,
  fail,
  ok,
  unwrap,
  FailureError,
  type Failure,
  type Result,
} from '../diagnostics/failure.ts';
import type { NodeSummary } from '../events/build-event.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { Lock } from '../freshness/lock-file.ts';
import type { Workspace } from '../layers/workspace.ts';
import type { Artifact } from '../model/artifact.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Prober } from '../plan/prober.ts';
import type { SecretResolver } from '../plan/secret-resolver.ts';
import type { ResourceCost } from '../scheduler/resource-budget.ts';
import type { Dispatcher } from '../executor/dispatcher.ts';
import type { Executor } from '../executor/executor.ts';
import { runPlan, type RunOutcome } from '../scheduler/run-plan.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import type { BuildOutcome, BuildRequest } from './api.ts';
import type { CompiledProject } from './compile.ts';
import { growWhenWanted } from './grow.ts';
import { lockArchives } from './lock-archives.ts';
import { RunRecorder } from './run-recorder.ts';
import { newRunId, type Session } from './session.ts';
import { unsealedConflicts } from './unsealed-conflicts.ts';

const MIB = 1024 * 1024;

/** Above this many nodes the UI has no use for an expected time of each, and reading them would slow the start. */
const EXPECTED_TIMES = 500;

/**
 * From a graph to images: probes and runs every node, writes the output folders, tells everything to the sink.
 * @param givenLock instead of that of the project
 */
export async function build(
  session: Session,
  whole: CompiledProject,
  request: BuildRequest,
  givenLock?: Lock,
): Promise<BuildOutcome> {
  const { sink } = request;
  const runId = newRunId();
  const start = performance.now();
  using recorder = new RunRecorder(session.layout.logFolder(runId));
  sink.listen(recorder.listen);
  const lock = await capture(async () => givenLock ?? (await lockArchives(session, whole, request)));
  if (!lock.ok) return { outcome: request.signal.aborted ? 'aborted' : 'failed', failures: lock.failures };
  const compiled = await growWhenWanted(session, whole, request, lock.value);
  const { graph } = compiled;
  const { prober, secrets } = await session.prober(compiled, {
    ...request,
    lock: lock.value,
    redactor: sink.redactor,
  });
  const inputs = request.lateInputs === true ? ok() : checkInputs(graph, prober);
  if (!inputs.ok) return { outcome: 'failed', failures: inputs.failures };
  const startedAt = new Date().toISOString();
  sink.emit({ type: 'run-started', runId, command: 'build', startedAt, nodes: summaries(graph, prober) });
  await using run = new RunResources(session, runId, compiled, prober, secrets, request);
  const ran = await capture(() =>
    runPlan({
      graph,
      prober,
      sink,
      dispatcher: () => run.dispatcher(),
      budget: {
        cpus: session.config.parallel.cpus ?? availableParallelism(),
        memory: session.config.parallel.memory ?? totalmem() * 0.75,
      },
      costOf: (node) => prober.description(node.id).cost ?? costOf(node),
      parallelPipelines: request.parallel,
      failFast: request.failFast,
      signal: request.signal,
    }),
  );
  const outcome: RunOutcome = ran.ok
    ? ran.value
    : { outcome: 'failed', failures: ran.failures, counts: NOTHING };
  const written = await writeOutputs(session, graph, prober, run.started);
  session.statCache.save();
  if (run.started) await noteResult(session, graph, prober, { runId, startedAt, outcome: outcome.outcome });
  await keepStore(session, graph, prober, run);
  const conflicts = unsealedConflicts(session, graph, prober);
  const failures = [...outcome.failures, ...(written.ok ? [] : written.failures), ...conflicts];
  const ended = failures.length > 0 && outcome.outcome === 'succeeded' ? 'failed' : outcome.outcome;
  sink.emit({
    type: 'run-ended',
    outcome: ended,
    durationMs: performance.now() - start,
    counts: outcome.counts,
  });
  return {
    outcome: ended,
    failures: withAbort(outcome, failures),
    artifacts: artifactsOf(graph, prober),
  };
}

function artifactsOf(graph: PipelineGraph, prober: Prober): ReadonlyMap<NodeId, Artifact> {
  const made = graph.nodes.filter(({ id }) => ['artifact', 'files'].includes(prober.output(id)?.type ?? ''));
  return new Map(made.map(({ id }) => [id, prober.artifact(id)]));
}

/** What the run gave, for `imgpipe diff`: the images of all pipelines whose layers are known. */
async function noteResult(
  session: Session,
  graph: PipelineGraph,
  prober: Prober,
  run: { readonly runId: string; readonly startedAt: string; readonly outcome: RunOutcome['outcome'] },
): Promise<void> {
  const { runImages } = await import('./run-images.ts');
  const { writeRunResult } = await import('../report/run-result.ts');
  writeRunResult(session.layout, { ...run, images: runImages(graph, prober) });
}

const NOTHING = { cached: 0, built: 0, failed: 0, skipped: 0 };

/** Notes what was used, and after a run that wrote to the store brings it back within its bounds. */
async function keepStore(
  session: Session,
  graph: PipelineGraph,
  prober: Prober,
  run: RunResources,
): Promise<void> {
  const { layers, layout, config } = session;
  const outputs = (): NodeOutput[] => graph.nodes.flatMap((node) => prober.output(node.id) ?? []);
  const pipelines = [...new Set(graph.nodes.map((node) => node.pipeline.id))].join('\n');
  if (!run.started && hasJournals(layout)) {
    const { collectAfterDeadRuns } = await import('./upkeep.ts');
    await collectAfterDeadRuns(session, run.sink);
  }
  if (!run.started) return noteUseDaily(layers, layout, { project: config.root, pipelines }, outputs);
  noteUse(layers, layout, outputs());
  const { configuredBounds } = await import('./maintenance.ts');
  const { pruneAfterRun, trimAfterRun } = await import('./upkeep.ts');
  await trimAfterRun(session, run);
  const bounds = configuredBounds(session);
  if (bounds !== undefined) await pruneAfterRun(session, bounds, run);
}

/** What a node takes while it runs: programs in a sandbox take one processor, a virtual machine its memory. */
function costOf(node: GraphNode): ResourceCost {
  if (node.role === 'check') return { cpus: 1, memory: 1200 * MIB };
  return { cpus: 1, memory: 300 * MIB };
}

/** Missing input files and secrets are named all at once, before anything is built. */
function checkInputs(graph: PipelineGraph, prober: Prober): Result<void> {
  const failures: Failure[] = [];
  for (const node of graph.nodes) {
    try {
      prober.definition(node);
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failures.push(...error.failures);
    }
  }
  return failures.length > 0 ? fail(...failures) : { ok: true, value: undefined };
}

function summaries(graph: PipelineGraph, prober: Prober): NodeSummary[] {
  return graph.nodes.map((node) => {
    const last = graph.nodes.length > EXPECTED_TIMES ? undefined : prober.latest(node.id);
    return {
      id: node.id,
      pipeline: node.pipeline.id,
      name: node.name,
      kind: prober.description(node.id).kind,
      role: node.role,
      dependsOn: graph.dependencies.get(node.id) ?? [],
      ...(last === undefined ? {} : { expectedSeconds: last.durationMs / 1000 }),
    };
  });
}

/** Everything of a run that costs something: made at the first miss, gone at the end. */
class RunResources implements AsyncDisposable {
  readonly id: string;
  readonly sink: EventSink;
  readonly #session: Session;
  readonly #compiled: CompiledProject;
  readonly #prober: Prober;
  readonly #secrets: SecretResolver;
  readonly #request: BuildRequest;
  #dispatcher: Promise<Executor> | undefined;
  #journal: Journal | undefined;
  #workspace: Promise<Workspace> | undefined;

  constructor(
    session: Session,
    runId: string,
    compiled: CompiledProject,
    prober: Prober,
    secrets: SecretResolver,
    request: BuildRequest,
  ) {
    this.#session = session;
    this.id = runId;
    this.sink = request.sink;
    this.#compiled = compiled;
    this.#prober = prober;
    this.#secrets = secrets;
    this.#request = request;
  }

  /** Whether anything had to run. */
  get started(): boolean {
    return this.#dispatcher !== undefined;
  }

  /** The run's one workspace. */
  readonly openWorkspace = (): Promise<Workspace> => (this.#workspace ??= this.#session.openWorkspace());

  /** @throws FailureError when an output folder that is needed cannot be written: before anything runs */
  async dispatcher(): Promise<Dispatcher> {
    if (this.#dispatcher === undefined) {
      const { checkOutputFolders } = await import('./output-folders.ts');
      unwrap(checkOutputFolders(this.#session, this.#compiled.graph, this.#prober));
      this.#dispatcher = this.#start();
    }
    return await this.#dispatcher;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#dispatcher?.catch(() => undefined))?.[Symbol.asyncDispose]();
    await (await this.#workspace?.catch(() => undefined))?.[Symbol.asyncDispose]();
    if (this.#journal === undefined) return;
    removeQuietly(join(this.#session.layout.folder('scratch'), this.id));
    this.#journal[Symbol.dispose]();
  }

  async #start(): Promise<Executor> {
    const session = this.#session;
    // Its helper takes some 0.1 s to come up: it does so while the executor loads. A failure is told by its first use.
    this.openWorkspace().then(
      (workspace) => workspace.warmUp(),
      () => undefined,
    );
    const { Executor } = await import('../executor/executor.ts');
    const { Journal } = await import('../cache/journal.ts');
    const { collectAfterDeadRuns } = await import('./upkeep.ts');
    await collectAfterDeadRuns(session, this.sink);
    this.#journal = Journal.open(session.layout, {
      runId: this.id,
      command: 'build',
      project: session.config.root,
    });
    this.#journal.lease(this.#leases());
    return new Executor({
      layout: session.layout,
      layers: session.layers,
      snapshots: session.snapshots,
      actions: session.actions,
      nodes: new Map(this.#compiled.graph.nodes.map((node) => [node.id, node])),
      prober: this.#prober,
      kinds: await session.kinds(),
      secrets: this.#secrets,
      sink: this.#request.sink,
      journal: this.#journal,
      project: session.config.root,
      runId: this.id,
      onError: this.#request.onError,
      stepwise: this.#request.stepwise === true,
      ...(this.#compiled.lateOptions && { lateOptions: this.#compiled.lateOptions }),
      workspace: this.openWorkspace,
      artifactPath: (node) => this.#prober.artifactPath(node),
      postFolder: (node) => session.folderOf(node),
    });
  }

  /** Layers and disks that are known so far: none of them may be pruned while this run uses them. */
  #leases(): string[] {
    return this.#compiled.graph.nodes.flatMap((node) => {
      const output = this.#prober.output(node.id);
      if (output?.type === 'layer' || output?.type === 'snapshot') return [output.digest];
      return output?.type === 'disk' ? [output.diskKey] : [];
    });
  }
}

/** Checksums and manifest beside the images of every pipeline whose exports are all there. */
async function writeOutputs(
  session: Session,
  graph: PipelineGraph,
  prober: Prober,
  changed: boolean,
): Promise<Result<void>> {
  const { writeOutputFolders } = await import('./output-folders.ts');
  return await capture(() => Promise.resolve(writeOutputFolders(session, graph, prober, changed)));
}

function withAbort(outcome: RunOutcome, failures: readonly Failure[]): readonly Failure[] {
  if (outcome.outcome !== 'aborted') return failures;
  return [...failures, { reason: 'aborted', message: 'stopped by the user' }];
}
