/**
 * A place in a file the user wrote. Lines and columns count from 1; columns count UTF-16 code units,
 * as editors and TypeScript do.
 */
export interface SourceRange {
  /** Path as the user would type it, or an absolute path. The printer shortens it. */
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Last line of the range; equals `line` when left out. */
  readonly endLine?: number;
  /** Column after the last character; `column + 1` when left out. */
  readonly endColumn?: number;
}

/** A value that remembers where the user wrote it. */
export interface Located<T> {
  readonly value: T;
  readonly range: SourceRange;
}
