import { createHash } from 'node:crypto';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256OfFile } from './file-digest.ts';

/** Size in bytes, holes included, and SHA-256 (64 hex digits) of what lies at a path. */
export interface PathDigest {
  readonly size: number;
  readonly sha256: string;
}

/**
 * Of a file its bytes, of a folder its listing: a line of JSON for every entry in the order of the bytes of their paths,
 * `[type, path, mode, content]` with the SHA-256 of a file or the target of a link. Neither times nor owners count.
 * @throws FailureError `aborted`; the file system's own error
 */
export async function digestOfPath(path: string, signal?: AbortSignal): Promise<PathDigest> {
  const info = await lstat(path);
  if (!info.isDirectory()) return { size: info.size, sha256: await sha256OfFile(path, signal) };
  const hash = createHash('sha256');
  let size = 0;
  for (const entry of await listTree(path)) {
    const full = join(path, entry.path);
    const stat = await lstat(full);
    const mode = (stat.mode & 0o7777).toString(8);
    let content = '';
    if (stat.isSymbolicLink()) content = await readlink(full);
    else if (stat.isFile()) {
      content = await sha256OfFile(full, signal);
      size += stat.size;
    }
    hash.update(`${JSON.stringify([entry.type, entry.path, mode, content])}\n`);
  }
  return { size, sha256: hash.digest('hex') };
}

interface Entry {
  readonly path: string;
  readonly type: 'directory' | 'symlink' | 'file' | 'special';
}

async function listTree(root: string): Promise<Entry[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .map((entry): Entry => {
      const path = join(entry.parentPath, entry.name).slice(root.length + 1);
      if (entry.isDirectory()) return { path, type: 'directory' };
      if (entry.isSymbolicLink()) return { path, type: 'symlink' };
      return { path, type: entry.isFile() ? 'file' : 'special' };
    })
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}
