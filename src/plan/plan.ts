import { keyOf, type KeyInputs } from '../cache/key-inputs.ts';
import type { NodeOutput } from '../cache/action-record.ts';
import type { ActionStore } from '../cache/action-store.ts';
import { FailureError, type Failure, type Result } from '../diagnostics/failure.ts';
import type { NodeRole } from '../events/build-event.ts';
import type { GraphNode, PipelineGraph } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { Change } from './explain.ts';
import type { Prober } from './prober.ts';

/**
 * `hit`: taken from the cache. `miss`: runs. `pending`: depends on something that runs first; it may still be a hit then
 * (early cut-off). `untracked`: runs every time.
 */
export type PlanState = 'hit' | 'miss' | 'pending' | 'untracked';

export interface PlanRow {
  readonly id: NodeId;
  readonly pipeline: string;
  readonly name: string;
  readonly kind: string;
  readonly role: NodeRole;
  readonly state: PlanState;
  /** Why it is not a hit, in a phrase; empty for a hit. */
  readonly reason: string;
  /** In what it differs from its last record, when it runs and has one. */
  readonly changes?: readonly Change[];
  /** How long it took the last time, when it may run. */
  readonly expectedSeconds?: number;
}

export interface Plan {
  readonly rows: readonly PlanRow[];
}

/** Asks the cache about every node, running nothing. All missing inputs and secrets are reported at once. */
export function planGraph(graph: PipelineGraph, prober: Prober, actions: ActionStore): Result<Plan> {
  const failures: Failure[] = [];
  const unsettled = new Map<NodeId, NodeId>();
  const rows = graph.nodes.flatMap((node): PlanRow[] => {
    try {
      const waitsFor = graph.dependencies.get(node.id)?.find((id) => unsettled.has(id));
      const verdict =
        waitsFor === undefined ? probeNow(node, prober) : guess(node, prober, actions, waitsFor);
      if (verdict.output === undefined) unsettled.set(node.id, waitsFor ?? node.id);
      else prober.settle(node.id, verdict.output);
      // A guessed layer is enough to show the state of this node, not to compute the keys of those above it.
      if (waitsFor !== undefined) unsettled.set(node.id, waitsFor);
      return [row(node, verdict, prober)];
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failures.push(...error.failures);
      unsettled.set(node.id, node.id);
      return [];
    }
  });
  return failures.length > 0 ? { ok: false, failures } : { ok: true, value: { rows } };
}

interface Verdict {
  readonly state: PlanState;
  readonly reason: string;
  readonly output?: NodeOutput;
  /** What its key is made of, as far as it is known. */
  readonly inputs?: KeyInputs;
}

function probeNow(node: GraphNode, prober: Prober): Verdict {
  const probe = prober.probe(node);
  if (probe.state === 'hit') return { state: 'hit', reason: '', output: probe.record.output };
  if (probe.state === 'unverified')
    return { state: 'hit', reason: 'checked first', output: probe.record.output };
  return { state: probe.state, reason: probe.reason, inputs: probe.inputs };
}

/** The verdict on a node above one that runs first: a write-only step can be foretold from its last placement. */
function guess(node: GraphNode, prober: Prober, actions: ActionStore, waitsFor: NodeId): Verdict {
  const inputs = prober.definition(node);
  const { untracked } = prober.description(node.id);
  if (untracked !== undefined) return { state: 'untracked', reason: untracked };
  const pending: Verdict = { state: 'pending', reason: `after ${waitsFor.slice(waitsFor.indexOf('/') + 1)}` };
  if (node.role !== 'step' || node.effect !== 'write') return pending;
  const last = prober.latest(node.id);
  if (last?.inputs.placement === undefined) return { state: 'miss', reason: 'first build' };
  const expected = { ...inputs, placement: last.inputs.placement };
  const record = actions.get(keyOf(expected));
  if (record === undefined) return { state: 'miss', reason: prober.reason(node, expected), inputs: expected };
  return { state: 'hit', reason: '', output: record.output };
}

function row(node: GraphNode, { state, reason, inputs }: Verdict, prober: Prober): PlanRow {
  const last = state === 'hit' ? undefined : prober.latest(node.id);
  const changes = last === undefined || inputs === undefined ? [] : prober.changes(node, inputs, last);
  return {
    id: node.id,
    pipeline: node.pipeline.id,
    name: node.name,
    kind: prober.description(node.id).kind,
    role: node.role,
    state,
    reason,
    ...(changes.length === 0 ? {} : { changes }),
    expectedSeconds: last === undefined ? undefined : last.durationMs / 1000,
  };
}
