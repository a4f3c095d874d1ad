import type { Digest } from './ids.ts';

/** An immutable, committed layer of a store. */
export interface LayerRef {
  /** SHA-256 of the layer's canonical manifest: same tree, same digest, on every machine and for every user. */
  readonly digest: Digest;
  /** Sum of the sizes of its regular files, in bytes. */
  readonly size: number;
  /** Number of entries (files, directories, links, whiteouts …). */
  readonly entries: number;
}

/** Layers from bottom (the base) to top: what a step sees, or what an image holds. */
export type View = readonly LayerRef[];
