import type { NodeOutput } from '../cache/action-record.ts';
import type { Failure } from '../diagnostics/failure.ts';
import type { GraphNode } from '../model/graph.ts';
import type { Probe } from '../plan/prober.ts';

/** Runs one node that is not in the cache. Loaded on the first miss only. */
export interface Dispatcher {
  execute(
    node: GraphNode,
    probe: Exclude<Probe, { state: 'hit' }>,
    signal: AbortSignal,
  ): Promise<ExecutionOutcome>;
  /** Whether a failure should stop the whole run (the user said so, or `-on-error=abort`). */
  readonly stopsRun: boolean;
}

export type ExecutionOutcome =
  | { readonly type: 'built'; readonly output: NodeOutput; readonly unchanged: boolean }
  /** Another process, or an equal input elsewhere, gave the result meanwhile. */
  | { readonly type: 'found'; readonly output: NodeOutput }
  | { readonly type: 'failed'; readonly failures: readonly Failure[]; readonly logFile?: string };
