import type { Failure } from '../diagnostics/failure.ts';
import { unreachable } from '../diagnostics/failure.ts';
import type { BuildEvent, NodeSummary, RunCounts } from '../events/build-event.ts';
import type { NodeId } from '../model/ids.ts';

/** How many of a running node's last lines of output are kept for the screen and for the report of a failure. */
export const TAIL_LINES = 40;

export type NodeState = 'waiting' | 'running' | 'cached' | 'built' | 'failed' | 'skipped' | 'cancelled';

/** What a user interface knows of one node. */
export interface NodeView {
  readonly summary: NodeSummary;
  readonly state: NodeState;
  /** Why it could not be taken from the cache. */
  readonly reason?: string;
  /** Milliseconds since the run began. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly durationMs?: number;
  /** It ran and gave the layer it gave before. */
  readonly unchanged?: boolean;
  readonly size?: number;
  readonly progress?: { readonly done: number; readonly total?: number; readonly unit: string };
  readonly status?: string;
  readonly attempt?: { readonly number: number; readonly of: number };
  /** Last lines of output; kept after the end only when it failed. */
  readonly tail: readonly string[];
  readonly failures?: readonly Failure[];
  readonly logFile?: string;
  readonly skippedBecause?: NodeId;
}

export interface ArtifactView {
  readonly id: NodeId;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly sha256: string;
}

export interface NoticeView {
  readonly level: 'info' | 'warning';
  readonly message: string;
  readonly id?: NodeId;
}

/** A whole run as a user interface shows it: the fold of its events, the same for every interface. */
export interface RunView {
  readonly runId?: string;
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt?: string;
  /** Milliseconds since the run began at the last event. */
  readonly time: number;
  /** In graph order. */
  readonly nodes: readonly NodeView[];
  readonly index: ReadonlyMap<NodeId, number>;
  readonly artifacts: readonly ArtifactView[];
  readonly notices: readonly NoticeView[];
  readonly ended?: {
    readonly outcome: 'succeeded' | 'failed' | 'aborted';
    readonly durationMs: number;
    readonly counts: RunCounts;
  };
}

export const EMPTY_RUN: RunView = {
  command: '',
  time: 0,
  nodes: [],
  index: new Map(),
  artifacts: [],
  notices: [],
};

/** The view after one more event. Pure: the same events give the same view, live or replayed. */
export function reduce(view: RunView, event: BuildEvent): RunView {
  return { ...apply(view, event), time: event.time };
}

function apply(view: RunView, event: BuildEvent): RunView {
  switch (event.type) {
    case 'run-started':
      return {
        ...EMPTY_RUN,
        runId: event.runId,
        command: event.command,
        startedAt: event.startedAt,
        nodes: event.nodes.map((summary): NodeView => ({ summary, state: 'waiting', tail: [] })),
        index: new Map(event.nodes.map((node, index) => [node.id, index])),
      };
    case 'node-started':
      return withNode(view, event.id, (node) => ({
        ...node,
        state: 'running',
        reason: event.reason,
        startedAt: event.time,
      }));
    case 'node-ended':
      return withNode(view, event.id, (node) => ended(node, event));
    case 'node-log':
      return withNode(view, event.id, (node) => ({
        ...node,
        tail: [...node.tail.slice(1 - TAIL_LINES), event.line],
      }));
    case 'node-progress':
      return withNode(view, event.id, (node) => ({
        ...node,
        progress: { done: event.done, total: event.total, unit: event.unit },
      }));
    case 'node-status':
      return withNode(view, event.id, (node) => ({ ...node, status: event.text }));
    case 'node-retry':
      return withNode(view, event.id, (node) => ({
        ...node,
        attempt: { number: event.attempt, of: event.of },
        progress: undefined,
        tail: [],
      }));
    case 'notice':
      return {
        ...view,
        notices: [...view.notices, { level: event.level, message: event.message, id: event.id }],
      };
    case 'artifact': {
      const { id, path, size, sha256 } = event;
      return { ...view, artifacts: [...view.artifacts, { id, path, size, sha256 }] };
    }
    case 'question':
      return view;
    case 'run-ended':
      return {
        ...view,
        ended: { outcome: event.outcome, durationMs: event.durationMs, counts: event.counts },
      };
    default:
      return unreachable(event);
  }
}

function ended(node: NodeView, event: BuildEvent & { readonly type: 'node-ended' }): NodeView {
  const { end } = event;
  const base: NodeView = {
    ...node,
    state: end.type,
    endedAt: event.time,
    durationMs: event.durationMs,
    size: event.size,
    progress: undefined,
    status: undefined,
    tail: [],
  };
  if (end.type === 'built') return { ...base, unchanged: end.unchanged };
  if (end.type === 'failed') {
    return { ...base, failures: end.failures, logFile: end.logFile, tail: node.tail };
  }
  if (end.type === 'skipped') return { ...base, skippedBecause: end.because };
  return base;
}

function withNode(view: RunView, id: NodeId, change: (node: NodeView) => NodeView): RunView {
  const index = view.index.get(id);
  const node = index === undefined ? undefined : view.nodes[index];
  if (index === undefined || node === undefined) return view;
  return { ...view, nodes: view.nodes.with(index, change(node)) };
}

/** How many nodes are in each state now. */
export function countStates(view: RunView): Record<NodeState, number> {
  const counts = { waiting: 0, running: 0, cached: 0, built: 0, failed: 0, skipped: 0, cancelled: 0 };
  for (const node of view.nodes) counts[node.state]++;
  return counts;
}

/** The node of an id, or undefined before `run-started` and for ids of another run. */
export function nodeOf(view: RunView, id: string): NodeView | undefined {
  const index = view.index.get(id as NodeId);
  return index === undefined ? undefined : view.nodes[index];
}
