/** A host file or folder that a node reads; its content is part of the node's key. */
export interface HostInput {
  /** Absolute path. */
  readonly path: string;
  /** `tree`: a folder with all that lies in it; `any`: whichever it is. */
  readonly type: 'file' | 'tree' | 'any';
  /** The option that names it, for error messages, e.g. `source` or `scripts[2]`. */
  readonly option: string;
  /** Glob patterns (relative to a tree's root) that are left out. */
  readonly exclude?: readonly string[];
  /** Whether mode bits of the files land in the image and so belong in the key (default true). */
  readonly modes?: boolean;
}
