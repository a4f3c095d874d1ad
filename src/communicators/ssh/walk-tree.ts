import { lstatSync, type Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One thing of a tree, `path` relative with `/`; parents come before what is in them. */
export interface TreeItem {
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Where it is on the host. */
  readonly source: string;
  readonly mode: number;
  readonly mtime: Date;
  readonly size: number;
}

/** Files, folders and symbolic links below a folder, by name; sockets, pipes and devices are not copied. */
export async function* walkTree(root: string, prefix = ''): AsyncGenerator<TreeItem> {
  const names: Dirent[] = await readdir(join(root, prefix), { withFileTypes: true });
  for (const { name } of names.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const source = join(root, path);
    const info = lstatSync(source);
    const type = info.isDirectory()
      ? 'directory'
      : info.isSymbolicLink()
        ? 'symlink'
        : info.isFile()
          ? 'file'
          : undefined;
    if (type === undefined) continue;
    const size = type === 'file' ? info.size : 0;
    yield { path, type, source, mode: info.mode & 0o7777, mtime: info.mtime, size };
    if (type === 'directory') yield* walkTree(root, path);
  }
}
