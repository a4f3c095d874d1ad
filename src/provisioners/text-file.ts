import type { TreeEntry } from '../model/tree-entry.ts';

/** A text file owned by root. */
export const textFile = (path: string, text: string, mode = 0o644): TreeEntry => ({
  type: 'file',
  path,
  owner: 0,
  group: 0,
  mode,
  content: { type: 'text', text },
});

/** A symbolic link owned by root. */
export const rootLink = (path: string, target: string): TreeEntry => ({
  type: 'symlink',
  path,
  target,
  owner: 0,
  group: 0,
});
