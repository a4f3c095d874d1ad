import type { SourceRange } from '../diagnostics/source-range.ts';
import type { NodeId } from './ids.ts';
import type { CheckSpec, ExportSpec, KindUse, Pipeline, StepSpec } from './pipeline.ts';

/**
 * A node of the build graph. `source`, `step` and `seal` give a layer; `disk` one raw disk; `export` a file for the
 * user; `check` a verdict.
 */
export type GraphNode = {
  readonly id: NodeId;
  readonly pipeline: Pipeline;
  /** Short name shown to the user: the step's, export's or check's name. */
  readonly name: string;
  readonly origin: SourceRange;
} & (
  | { readonly role: 'source'; readonly use: KindUse }
  /**
   * `below`: layers this step sees, bottom first; for a write-only step, what its paths are resolved against.
   * `effect` `write`: stackable, keyed by what it writes; `run`: keyed by everything below.
   */
  | { readonly role: 'step'; readonly step: StepSpec; readonly effect: 'write' | 'run'; readonly below: readonly NodeId[] }
  /** Deletes what must not be in an image (host keys, machine id, logs, package lists). `below` is the whole stack. */
  | { readonly role: 'seal'; readonly below: readonly NodeId[] }
  /** `base` layers go in through mke2fs; `delta` layers (small, write-only, seen by no other step) are patched on top. */
  | { readonly role: 'disk'; readonly stack: readonly NodeId[]; readonly deltaCandidates: readonly NodeId[]; readonly seal: NodeId }
  | { readonly role: 'export'; readonly export: ExportSpec; readonly from: NodeId; readonly stack: readonly NodeId[] }
  | { readonly role: 'check'; readonly check: CheckSpec; readonly from: NodeId }
);

/** Nodes in an order in which every node comes after those it depends on; edges by node id. */
export interface PipelineGraph {
  readonly nodes: readonly GraphNode[];
  readonly dependencies: ReadonlyMap<NodeId, readonly NodeId[]>;
}
