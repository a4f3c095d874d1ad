import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Artifact } from '../../model/artifact.ts';

/** One file to be sent. */
export interface FileToSend {
  readonly path: string;
  /** Its name at the other end; with slashes for a file in a folder. */
  readonly name: string;
  readonly size: number;
}

/** All files of an artifact, those in its folders one by one, in the order of their names. */
export async function filesToSend(artifact: Artifact): Promise<FileToSend[]> {
  const lists = await Promise.all(
    artifact.files.map(async ({ path, size }): Promise<FileToSend[]> => {
      if (!(await stat(path)).isDirectory()) return [{ path, name: basename(path), size }];
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name));
      return await Promise.all(
        files.toSorted().map(async (file) => ({
          path: file,
          name: file.slice(dirname(path).length + 1),
          size: (await stat(file)).size,
        })),
      );
    }),
  );
  return lists.flat();
}
