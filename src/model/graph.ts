import type { SourceRange } from '../diagnostics/source-range.ts';
import type { NodeId } from './ids.ts';
import type { CheckSpec, ExportSpec, KindUse, Pipeline, PostSpec, StepSpec } from './pipeline.ts';

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

/** All layer nodes that make up an image, bottom first. */
export function imageNodes(node: { readonly stack: StackSlice; readonly seal?: NodeId }): readonly NodeId[] {
  return node.seal === undefined ? sliceNodes(node.stack) : [...sliceNodes(node.stack), node.seal];
}

/** The topmost node of a slice. */
export function topOf(slice: StackSlice): NodeId | undefined {
  return sliceNodes(slice).at(-1);
}

/** The node ids of a slice, bottom first. */
export function sliceNodes(slice: StackSlice): readonly NodeId[] {
  if (slice.only === undefined) return slice.stack.slice(0, slice.length);
  return slice.only.flatMap((position) => slice.stack[position] ?? []);
}

/**
 * A node of the build graph. `source`, `step` and `seal` give a layer; `disk` one raw disk; `export` a file for the
 * user; `post` what a post-processor makes of it; `check` a verdict.
 */
export type GraphNode = {
  readonly id: NodeId;
  readonly pipeline: Pipeline;
  /** Short name shown to the user: the step's, export's or check's name. */
  readonly name: string;
  readonly origin: SourceRange;
} &
  /** `disk`: that of the pipeline whose image a builder's machine begins with. */
  (
    | { readonly role: 'source'; readonly use: KindUse; readonly disk?: NodeId }
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
    /**
     * `deltaCandidates`: steps whose layers may be patched in; see `DiskRequest`. `seal` is undefined where a builder's
     * own machine has the disk.
     */
    | {
        readonly role: 'disk';
        readonly stack: StackSlice;
        readonly seal?: NodeId;
        readonly deltaCandidates: readonly NodeId[];
      }
    /**
     * `disk` is undefined for an exporter that reads the layers or the machine; `seal` where there are no layers.
     * `transient`: its file is for post-processors only and stays in the store.
     */
    | {
        readonly role: 'export';
        readonly export: ExportSpec;
        readonly stack: StackSlice;
        readonly seal?: NodeId;
        readonly disk?: NodeId;
        readonly transient?: boolean;
      }
    /**
     * `from`: the export, or the post-processor before it, whose files it takes; `export`: where that chain begins, and
     * `via` the post-processors between. `transient`: as with an export. `after`: a node that must have ended, however
     * it did.
     */
    | {
        readonly role: 'post';
        readonly post: PostSpec;
        readonly from: NodeId;
        readonly export: NodeId;
        readonly via: readonly NodeId[];
        readonly after?: NodeId;
        readonly stack: StackSlice;
        readonly seal?: NodeId;
        readonly disk?: NodeId;
        readonly transient?: boolean;
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
