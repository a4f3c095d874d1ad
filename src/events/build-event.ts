import type { Failure } from '../diagnostics/failure.ts';
import type { NodeId } from '../model/ids.ts';

/** What a node is to the user. */
export type NodeRole = 'source' | 'step' | 'seal' | 'disk' | 'export' | 'post' | 'check';

/** A node as the UI needs it. */
export interface NodeSummary {
  readonly id: NodeId;
  readonly pipeline: string;
  readonly name: string;
  readonly kind: string;
  readonly role: NodeRole;
  readonly dependsOn: readonly NodeId[];
  /** Seconds it took the last time it ran, when known. */
  readonly expectedSeconds?: number;
}

/** How a node ended. */
export type NodeEnd =
  /** Taken from the cache. */
  | { readonly type: 'cached' }
  /** Ran; `unchanged` when it gave the layer it gave before, so nothing after it need run for its sake. */
  | { readonly type: 'built'; readonly unchanged: boolean }
  | { readonly type: 'failed'; readonly failures: readonly Failure[]; readonly logFile?: string }
  /** Not run because a node it needs failed. */
  | { readonly type: 'skipped'; readonly because: NodeId }
  | { readonly type: 'cancelled' };

/** Text of a node's status while its pipeline's clean-up step runs: what it prints from then on is of that step. */
export const CLEANING_UP = 'cleans up after the failure';

/** Every fact a run tells. `time` is milliseconds since the run began (monotonic). A UI is a fold over these. */
export type BuildEvent = { readonly time: number } & (
  | {
      readonly type: 'run-started';
      readonly runId: string;
      readonly command: string;
      readonly startedAt: string;
      readonly nodes: readonly NodeSummary[];
    }
  /** The node runs now; `reason` says in a phrase why it could not be taken from the cache. */
  | { readonly type: 'node-started'; readonly id: NodeId; readonly reason: string }
  | {
      readonly type: 'node-ended';
      readonly id: NodeId;
      readonly end: NodeEnd;
      readonly durationMs: number;
      readonly size?: number;
    }
  /** One whole line of output, without colour codes, secrets hidden. */
  | {
      readonly type: 'node-log';
      readonly id: NodeId;
      readonly stream: 'stdout' | 'stderr' | 'imgpipe';
      readonly line: string;
    }
  | {
      readonly type: 'node-progress';
      readonly id: NodeId;
      readonly done: number;
      readonly total?: number;
      readonly unit: string;
    }
  /** Short text for the node's row, e.g. a stage of the boot. */
  | { readonly type: 'node-status'; readonly id: NodeId; readonly text: string }
  | {
      readonly type: 'node-retry';
      readonly id: NodeId;
      readonly attempt: number;
      readonly of: number;
      readonly message: string;
    }
  /** Something the user should know that is not a failure. */
  | {
      readonly type: 'notice';
      readonly level: 'info' | 'warning';
      readonly message: string;
      readonly id?: NodeId;
    }
  | {
      readonly type: 'artifact';
      readonly id: NodeId;
      readonly path: string;
      readonly size: number;
      readonly sha256: string;
    }
  /** A question with a default, answered through `EventSink.ask`; recorded so that a run replays. */
  | {
      readonly type: 'question';
      readonly question: string;
      readonly choices: readonly string[];
      readonly answer: string;
    }
  | {
      readonly type: 'run-ended';
      readonly outcome: 'succeeded' | 'failed' | 'aborted';
      readonly durationMs: number;
      readonly counts: RunCounts;
    }
);

export interface RunCounts {
  readonly cached: number;
  readonly built: number;
  readonly failed: number;
  readonly skipped: number;
}

/** An event before the sink has stamped it. */
export type UntimedEvent = BuildEvent extends infer E
  ? E extends BuildEvent
    ? Omit<E, 'time'>
    : never
  : never;
