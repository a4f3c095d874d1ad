/** Where the bytes of a file to be written come from. */
export type FileContent =
  { readonly type: 'text'; readonly text: string } | { readonly type: 'host-file'; readonly path: string };

/** User or group: a numeric id, or a name that is looked up in the image's own /etc/passwd or /etc/group. */
export type Owner = number | string;

interface Placed {
  /** Absolute path in the image. Symbolic links of the image in its folders are followed, the last part is not. */
  readonly path: string;
  readonly owner: Owner;
  readonly group: Owner;
}

/**
 * One thing that a write-only step puts into an image, independent of what lies below it. Folders on the way that
 * do not exist are made with mode 0755, owner root. All times become the build's SOURCE_DATE_EPOCH.
 */
export type TreeEntry =
  | (Placed & { readonly type: 'file'; readonly mode: number; readonly content: FileContent })
  | (Placed & { readonly type: 'directory'; readonly mode: number })
  | (Placed & { readonly type: 'symlink'; readonly target: string })
  /** Deletes the path when the image has it; no error when not. */
  | { readonly type: 'remove'; readonly path: string };
