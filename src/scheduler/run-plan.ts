import type { NodeOutput } from '../cache/action-record.ts';
import { FailureError, type Failure } from '../diagnostics/failure.ts';
import type { NodeEnd, RunCounts } from '../events/build-event.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { Dispatcher, ExecutionOutcome } from '../executor/dispatcher.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Probe, Prober } from '../plan/prober.ts';
import { PipelineSlots } from './pipeline-slots.ts';
import { ResourceBudget, type ResourceCost } from './resource-budget.ts';

export interface RunPlanOptions {
  readonly graph: PipelineGraph;
  readonly prober: Prober;
  readonly sink: EventSink;
  readonly dispatcher: () => Promise<Dispatcher>;
  readonly budget: ResourceCost;
  readonly costOf: (node: GraphNode) => ResourceCost;
  /** How many pipelines may run at the same time; 0: as many as fit. */
  readonly parallelPipelines: number;
  readonly failFast: boolean;
  readonly signal: AbortSignal;
}

export interface RunOutcome {
  readonly outcome: 'succeeded' | 'failed' | 'aborted';
  readonly failures: readonly Failure[];
  readonly counts: RunCounts;
}

/**
 * Walks the graph: a node is probed when everything it depends on is known; hits settle at once, misses run side by side
 * within the budget. A failure skips what depends on it; the rest goes on unless `failFast`.
 */
export async function runPlan(options: RunPlanOptions): Promise<RunOutcome> {
  return await new Run(options).toEnd();
}

interface Waiting {
  readonly node: GraphNode;
  readonly probe: Exclude<Probe, { state: 'hit' }>;
}

class Run {
  readonly #options: RunPlanOptions;
  readonly #nodes: ReadonlyMap<NodeId, GraphNode>;
  readonly #dependents = new Map<NodeId, NodeId[]>();
  /** Nodes that wait for the end of a node, however it ends. */
  readonly #followers = new Map<NodeId, NodeId[]>();
  /** How much each node still waits for. */
  readonly #open = new Map<NodeId, number>();
  readonly #budget: ResourceBudget;
  readonly #slots: PipelineSlots;
  readonly #running = new Map<NodeId, Promise<void>>();
  readonly #ended = new Set<NodeId>();
  readonly #failures: Failure[] = [];
  readonly #counts = { cached: 0, built: 0, failed: 0, skipped: 0 };
  readonly #abort = new AbortController();
  readonly #ready: GraphNode[] = [];
  #waiting: Waiting[] = [];
  #stopping = false;

  constructor(options: RunPlanOptions) {
    this.#options = options;
    this.#budget = new ResourceBudget(options.budget);
    this.#slots = new PipelineSlots(options.parallelPipelines, options.graph.nodes);
    this.#nodes = new Map(options.graph.nodes.map((node) => [node.id, node]));
    for (const node of options.graph.nodes) {
      const dependencies = options.graph.dependencies.get(node.id) ?? [];
      this.#open.set(node.id, dependencies.length);
      for (const dependency of dependencies) {
        const list = this.#dependents.get(dependency);
        if (list === undefined) this.#dependents.set(dependency, [node.id]);
        else list.push(node.id);
      }
      const after = node.role === 'post' ? node.after : undefined;
      if (after !== undefined) {
        this.#open.set(node.id, dependencies.length + 1);
        this.#followers.set(after, [...(this.#followers.get(after) ?? []), node.id]);
      }
      if (dependencies.length === 0) this.#ready.push(node);
    }
  }

  async toEnd(): Promise<RunOutcome> {
    const { signal } = this.#options;
    const stop = (): void => this.#stop();
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    try {
      for (;;) {
        this.#probeReady();
        await this.#startWaiting();
        if (this.#running.size === 0) break;
        await Promise.race(this.#running.values());
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
    this.#closeRest();
    const outcome = signal.aborted ? 'aborted' : this.#failures.length > 0 ? 'failed' : 'succeeded';
    return { outcome, failures: this.#failures, counts: this.#counts };
  }

  /** Probes nodes in graph order of readiness; a hit may make others ready, without leaving this loop. */
  #probeReady(): void {
    for (let node = this.#ready.shift(); node !== undefined; node = this.#ready.shift()) {
      if (this.#stopping) continue;
      try {
        const probe = this.#options.prober.probe(node);
        if (probe.state === 'hit') this.#settle(node, probe.record.output, { type: 'cached' }, 0);
        else this.#waiting.push({ node, probe });
      } catch (error) {
        if (!(error instanceof FailureError)) throw error;
        this.#fail(node, { type: 'failed', failures: error.failures }, 0);
      }
    }
  }

  async #startWaiting(): Promise<void> {
    if (this.#stopping || this.#waiting.length === 0) return;
    const dispatcher = await this.#options.dispatcher();
    const later: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const { node } = waiting;
      const cost = this.#options.costOf(node);
      if (!this.#slots.has(node) || !this.#budget.tryTake(cost)) {
        later.push(waiting);
        continue;
      }
      this.#running.set(node.id, this.#execute(waiting, dispatcher, cost));
    }
    this.#waiting = later;
  }

  async #execute({ node, probe }: Waiting, dispatcher: Dispatcher, cost: ResourceCost): Promise<void> {
    const start = performance.now();
    try {
      const outcome = await dispatcher.execute(node, probe, this.#abort.signal);
      const duration = performance.now() - start;
      if (outcome.type === 'failed') {
        if (this.#abort.signal.aborted) this.#end(node, { type: 'cancelled' }, duration);
        else this.#fail(node, outcome, duration);
        if (this.#options.failFast || dispatcher.stopsRun) this.#stop();
      } else {
        const end: NodeEnd =
          outcome.type === 'built' ? { type: 'built', unchanged: outcome.unchanged } : { type: 'cached' };
        this.#settle(node, outcome.output, end, duration);
      }
    } finally {
      this.#budget.giveBack(cost);
      this.#running.delete(node.id);
    }
  }

  #settle(node: GraphNode, output: NodeOutput, end: NodeEnd, durationMs: number): void {
    this.#options.prober.settle(node.id, output);
    this.#counts[end.type === 'built' ? 'built' : 'cached'] += 1;
    const size = output.type === 'passed' ? undefined : output.size;
    this.#end(node, end, durationMs, size);
    const isTransient = (node.role === 'export' || node.role === 'post') && node.transient === true;
    if (output.type === 'artifact' && !isTransient) {
      this.#options.sink.emit({
        type: 'artifact',
        id: node.id,
        path: output.path,
        size: output.size,
        sha256: output.sha256,
      });
    }
    if (output.type === 'files' && !isTransient) {
      for (const { path, size: bytes, sha256 } of output.artifact.files) {
        if (path in output.made)
          this.#options.sink.emit({ type: 'artifact', id: node.id, path, size: bytes, sha256 });
      }
    }
    for (const dependent of this.#dependents.get(node.id) ?? []) this.#release(dependent);
  }

  #release(id: NodeId): void {
    const open = (this.#open.get(id) ?? 0) - 1;
    this.#open.set(id, open);
    const next = this.#nodes.get(id);
    if (open === 0 && next !== undefined && !this.#ended.has(id)) this.#ready.push(next);
  }

  #fail(node: GraphNode, outcome: ExecutionOutcome & { type: 'failed' }, durationMs: number): void {
    this.#counts.failed += 1;
    this.#failures.push(...outcome.failures);
    this.#end(node, { type: 'failed', failures: outcome.failures, logFile: outcome.logFile }, durationMs);
    this.#skip(node.id, node.id);
  }

  #skip(id: NodeId, because: NodeId): void {
    for (const dependent of this.#dependents.get(id) ?? []) {
      const node = this.#nodes.get(dependent);
      if (node === undefined || this.#ended.has(dependent)) continue;
      this.#counts.skipped += 1;
      this.#end(node, { type: 'skipped', because }, 0);
      this.#skip(dependent, because);
    }
  }

  #end(node: GraphNode, end: NodeEnd, durationMs: number, size?: number): void {
    this.#ended.add(node.id);
    this.#slots.leave(node);
    this.#options.sink.emit({ type: 'node-ended', id: node.id, end, durationMs, size });
    for (const follower of this.#followers.get(node.id) ?? []) this.#release(follower);
  }

  #stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#abort.abort();
  }

  #closeRest(): void {
    for (const node of this.#options.graph.nodes) {
      if (!this.#ended.has(node.id)) this.#end(node, { type: 'cancelled' }, 0);
    }
  }
}
