import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Dirent } from 'node:fs';
import { join } from 'node:path';

/** Size in bytes, holes included, and SHA-256 (64 hex digits) of what lies at a path. */
export interface PathDigest {
  readonly size: number;
  readonly sha256: string;
}

/** What one read takes; shared, as a thread does one thing at a time. */
const buffer = Buffer.allocUnsafe(2 ** 20);

/** Of one file. Blocks: for threads. */
export function digestOfBytes(path: string): PathDigest {
  const hash = createHash('sha256');
  let size = 0;
  const file = openSync(path, 'r');
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) {
      hash.update(buffer.subarray(0, read));
      size += read;
    }
  } finally {
    closeSync(file);
  }
  return { size, sha256: hash.digest('hex') };
}

/**
 * Of a folder's listing: a line of JSON for every entry in the order of the bytes of their paths,
 * `[type, path, mode, content]` with the SHA-256 of a file or the target of a link. Neither times nor owners count.
 * Blocks: for threads. One at work through its calls takes a quarter of the time that 10,000 small files take otherwise.
 */
export function digestOfTree(root: string): PathDigest {
  const hash = createHash('sha256');
  let size = 0;
  for (const entry of listTree(root)) {
    const full = join(root, entry.path);
    const mode = (lstatSync(full).mode & 0o7777).toString(8);
    let content = '';
    if (entry.type === 'symlink') content = readlinkSync(full);
    else if (entry.type === 'file') {
      const file = digestOfBytes(full);
      content = file.sha256;
      size += file.size;
    }
    hash.update(`${JSON.stringify([entry.type, entry.path, mode, content])}\n`);
  }
  return { size, sha256: hash.digest('hex') };
}

interface Entry {
  readonly path: string;
  readonly type: 'directory' | 'symlink' | 'file' | 'special';
}

/** Node's own recursive listing goes through links to folders where it blocks. */
function listTree(root: string): Entry[] {
  const entries: Entry[] = [];
  const walk = (folder: string): void => {
    for (const found of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? found.name : `${folder}/${found.name}`;
      entries.push({ path, type: typeOf(found) });
      if (found.isDirectory()) walk(path);
    }
  };
  walk('');
  return entries.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

function typeOf(found: Dirent): Entry['type'] {
  if (found.isDirectory()) return 'directory';
  if (found.isSymbolicLink()) return 'symlink';
  return found.isFile() ? 'file' : 'special';
}
