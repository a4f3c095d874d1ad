import type { Digest } from '../../model/ids.ts';

/** A layer with the step that gave it, where that is known. */
export interface NamedLayer {
  readonly digest: Digest;
  readonly step?: string;
}

/** One side of a comparison. */
export interface DiffSubject {
  /** As the user would say it: `web`, `web/nginx`, a run, a file. */
  readonly name: string;
  /** `image`: layers show what a machine sees; `layer`: one layer by itself. */
  readonly type: 'image' | 'layer';
  /** Pipeline that it belongs to, where that is known. */
  readonly pipeline?: string;
  /** Bottom first. */
  readonly layers: readonly NamedLayer[];
  readonly artifacts?: readonly DiffArtifact[];
}

/** An exported file of a side. */
export interface DiffArtifact {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
}
