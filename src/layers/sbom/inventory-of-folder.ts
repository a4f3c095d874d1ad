import { createHash } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync, type Dirent } from 'node:fs';
import { isErrno } from '../../util/atomic-file.ts';
import { byteString, bytesOf, textOf, type ByteString } from '../manifest.ts';
import { resolvePath, type PathTree } from '../resolve-path.ts';
import { join } from '../view-index.ts';
import { collectInventory } from './collect.ts';
import type { ImageFile, Inventory } from './inventory.ts';

const CHUNK = 2 ** 20;

/**
 * Reads packages and files of a system that lies in a folder. Its links are followed as in the system itself, so nothing
 * outside of the folder is read.
 * @param options.withFiles whether files and their digests are wanted; each is then read once
 */
export function inventoryOfFolder(
  root: string,
  options: { readonly withFiles: boolean; readonly signal: AbortSignal },
): Inventory {
  const tree = new FolderTree(root);
  const files = new Map<string, ImageFile>();
  for (const path of options.withFiles ? tree.regularFiles() : []) {
    options.signal.throwIfAborted();
    const digests = tree.digestsOf(path);
    const name = textOf(path);
    if (digests !== undefined) files.set(name, { path: name, ...digests });
  }
  return collectInventory({ tree, readText: (path) => tree.readText(path), files });
}

interface FolderEntry {
  readonly type: string;
  readonly target?: ByteString;
}

/** A folder on disk as a tree in which links are followed. */
class FolderTree implements PathTree {
  readonly #root: string;
  readonly #entries = new Map<ByteString, FolderEntry>();

  constructor(root: string) {
    this.#root = root;
    this.#read('/');
  }

  lookup(path: ByteString): { readonly entry: FolderEntry } | undefined {
    const entry = this.#entries.get(path);
    return entry && { entry };
  }

  isDirectory(path: ByteString): boolean {
    return path === '/' || this.#entries.get(path)?.type === 'directory';
  }

  regularFiles(): ByteString[] {
    const files = [...this.#entries].filter(([, { type }]) => type === 'file');
    return files.map(([path]) => path).toSorted();
  }

  readText(path: string): string {
    const resolved = resolvePath(this, byteString(path), { followLast: true });
    if (resolved.type !== 'path' || this.#entries.get(resolved.path)?.type !== 'file') return '';
    return readFileSync(this.#place(resolved.path), 'utf8');
  }

  /** Undefined where this user may not read the file. */
  digestsOf(path: ByteString): Pick<ImageFile, 'sha1' | 'sha256'> | undefined {
    const [sha1, sha256] = [createHash('sha1'), createHash('sha256')];
    const buffer = Buffer.allocUnsafe(CHUNK);
    let file: number;
    try {
      file = openSync(this.#place(path), 'r');
    } catch (error) {
      if (isErrno(error, 'EACCES')) return undefined;
      throw error;
    }
    try {
      for (let length = readSync(file, buffer); length > 0; length = readSync(file, buffer)) {
        sha1.update(buffer.subarray(0, length));
        sha256.update(buffer.subarray(0, length));
      }
    } finally {
      closeSync(file);
    }
    return { sha1: sha1.digest('hex'), sha256: sha256.digest('hex') };
  }

  #read(folder: ByteString): void {
    for (const found of readdirSync(this.#place(folder), { withFileTypes: true, encoding: 'buffer' })) {
      const path = join(folder, found.name.toString('latin1'));
      const entry = this.#entryOf(found, path);
      this.#entries.set(path, entry);
      if (entry.type === 'directory') this.#read(path);
    }
  }

  #entryOf(found: Dirent<Buffer>, path: ByteString): FolderEntry {
    if (found.isDirectory()) return { type: 'directory' };
    if (found.isFile()) return { type: 'file' };
    if (!found.isSymbolicLink()) return { type: 'other' };
    return { type: 'symlink', target: readlinkSync(this.#place(path), 'buffer').toString('latin1') };
  }

  #place(path: ByteString): Buffer {
    return Buffer.concat([Buffer.from(this.#root), bytesOf(path)]);
  }
}
