/**
 * What is remembered of a host file so that a later change of it can be told: keyed hashes, which tell nothing of its
 * content.
 */
export interface FileNote {
  /** Of content and what else counts of it. */
  readonly digest: string;
  /** Of each line, one after the other, 8 hex digits each; missing for large and binary files. */
  readonly lines?: string;
}

/** By the option that names the input, then by the path inside it (empty for a single file). */
export type InputNotes = Readonly<Record<string, Readonly<Record<string, FileNote>>>>;
