/** A host file or folder that a node reads; its content is part of the node's key. */
export interface HostInput {
  /** Absolute path; of a `glob` the folder it starts in. */
  readonly path: string;
  /** `tree`: a folder with all that lies in it; `any`: whichever it is; `glob`: all that `pattern` finds, by name. */
  readonly type: 'file' | 'tree' | 'any' | 'glob';
  /** Of a `glob`: relative to `path`. Looked up whenever a key is made, so that a new file is a changed input. */
  readonly pattern?: string;
  /** The option that names it, for error messages, e.g. `source` or `scripts[2]`. */
  readonly option: string;
  /** Glob patterns (relative to a tree's root) that are left out. */
  readonly exclude?: readonly string[];
  /**
   * What of the files' modes lands in the image and so belongs in the key: executable or not (`true`, the default),
   * nothing, or every permission bit, where a reader sees the file itself or copies it with its mode.
   */
  readonly modes?: boolean | 'all';
  /** `followed`: the reader sees through symbolic links inside a tree, so what they lead to counts as well. */
  readonly links?: 'followed';
  /** The reader is told the file's own name (a script its `$0`), which so belongs in the key. */
  readonly named?: boolean;
}
