import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Pack } from 'tar-stream';
import { FailureError } from '../../diagnostics/failure.ts';
import type { TreeEntry } from '../../model/tree-entry.ts';

/** An entry with its real path on the machine and numeric owners. */
export interface ArchivedEntry {
  readonly entry: Exclude<TreeEntry, { type: 'remove' }>;
  /** Absolute. */
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Writes entries into a tar file whose names are relative to the root; host files are streamed.
 * @param mtime of all entries, seconds since 1970
 * @throws FailureError `input-missing`
 */
export async function writeEntryArchive(
  target: string,
  entries: readonly ArchivedEntry[],
  mtime: number,
): Promise<void> {
  const { pack } = await import('./tar-stream-library.ts');
  const archive = pack();
  const written = pipeline(archive, createWriteStream(target, { mode: 0o600 }));
  try {
    for (const item of entries) await add(archive, item, mtime);
    archive.finalize();
  } catch (error) {
    archive.destroy();
    await written.catch(() => undefined);
    throw error;
  }
  await written;
}

async function add(archive: Pack, { entry, path, uid, gid }: ArchivedEntry, mtime: number): Promise<void> {
  const header = { name: path.replace(/^\/+/, ''), uid, gid, mtime: new Date(mtime * 1000) };
  switch (entry.type) {
    case 'directory':
      return await addSmall(archive, { ...header, type: 'directory', mode: entry.mode }, '');
    case 'symlink':
      return await addSmall(archive, { ...header, type: 'symlink', linkname: entry.target, mode: 0o777 }, '');
    case 'file': {
      const { content, mode } = entry;
      if (content.type === 'text') return await addSmall(archive, { ...header, mode }, content.text);
      const found = await stat(content.path).catch(() => undefined);
      if (found?.isFile() !== true)
        throw new FailureError({ reason: 'input-missing', message: `${content.path} is not a file` });
      if (found.size === 0) return await addSmall(archive, { ...header, mode }, '');
      await pipeline(
        createReadStream(content.path, { end: found.size - 1 }),
        archive.entry({ ...header, mode, size: found.size }),
      );
    }
  }
}

function addSmall(archive: Pack, header: Parameters<Pack['entry']>[0], text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.entry(header, text, (error?: Error | null) =>
      error instanceof Error ? reject(error) : resolve(),
    );
  });
}
