import type { SourceRange } from '../diagnostics/source-range.ts';
import type { NodeId } from './ids.ts';
import type { CheckSpec, ExportSpec, KindUse, Pipeline, StepSpec } from './pipeline.ts';

/**
 * The nodes below a node, bottom first: the first `length` nodes of a pipeline's stack, or of those only some. Nodes of
 * one pipeline share the `stack` array, so that a chain of n steps needs O(n) memory.
 */
export interface StackSlice {
  /** Layer nodes of the pipeline in written order: the source (or another pipeline's whole stack), then the steps. */
  readonly stack: readonly NodeId[];
  readonly length: number;
  /** Ascending positions in `stack`, all below `length`, when `needs` leaves some out. */
  readonly only?: readonly number[];
}

/** The node ids of a slice, bottom first. */
export function sliceNodes(slice: StackSlice): readonly NodeId[] {
  if (slice.only === undefined) return slice.stack.slice(0, slice.length);
  return slice.only.flatMap((position) => slice.stack[position] ?? []);
}

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
   * `below`: what this step sees; for a write-only step, what its paths are resolved against.
   * `effect` `write`: stackable, keyed by what it writes; `run`: keyed by everything below.
   */
  | {
      readonly role: 'step';
      readonly step: StepSpec;
      readonly effect: 'write' | 'run';
      readonly below: StackSlice;
    }
  /** Deletes what must not be in an image (host keys, machine id, logs, package lists). `below` is the whole stack. */
  | { readonly role: 'seal'; readonly below: StackSlice }
  /** `deltaCandidates`: write-only layers of the stack that no other step sees; see `DiskRequest`. */
  | {
      readonly role: 'disk';
      readonly stack: StackSlice;
      readonly seal: NodeId;
      readonly deltaCandidates: readonly NodeId[];
    }
  /** `disk` is undefined for an exporter that reads the layers. */
  | {
      readonly role: 'export';
      readonly export: ExportSpec;
      readonly stack: StackSlice;
      readonly seal: NodeId;
      readonly disk?: NodeId;
    }
  /** `from`: the export node whose file is checked. */
  | { readonly role: 'check'; readonly check: CheckSpec; readonly from: NodeId }
);

/** Nodes in an order in which every node comes after those it depends on. */
export interface PipelineGraph {
  readonly nodes: readonly GraphNode[];
  /** Direct dependencies, transitively reduced: a node is ready when these are done. */
  readonly dependencies: ReadonlyMap<NodeId, readonly NodeId[]>;
}
