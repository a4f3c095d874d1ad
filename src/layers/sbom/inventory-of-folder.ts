import { createHash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  type Dirent,
  type Stats,
} from 'node:fs';
import { isErrno } from '../../util/atomic-file.ts';
import { globToRegExp } from '../../util/glob.ts';
import { byteString, bytesOf, textOf, type ByteString } from '../manifest.ts';
import { resolvePath, type PathTree } from '../resolve-path.ts';
import { join } from '../view-index.ts';
import { collectInventory } from './collect.ts';
import { type ImageFile, type Inventory, PACKAGE_DATABASES } from './inventory.ts';

const CHUNK = 2 ** 20;

export interface FolderInventoryOptions {
  /** Whether files and their digests are wanted; each is then read once. */
  readonly withFiles: boolean;
  /** Globs on paths below the folder, which begin with `./`: lists of packages that match are not read. */
  readonly excluded?: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * Reads packages and files of a system that lies in a folder. Its links are followed as in the system itself, so nothing
 * outside of the folder is read.
 */
export function inventoryOfFolder(
  root: string,
  { withFiles, excluded = [], signal }: FolderInventoryOptions,
): Inventory {
  const tree = new FolderTree(root);
  const files = new Map<string, ImageFile>();
  for (const path of withFiles ? tree.regularFiles() : []) {
    signal?.throwIfAborted();
    const digests = tree.digestsOf(path);
    const name = textOf(path);
    if (digests !== undefined) files.set(name, { path: name, ...digests });
  }
  const patterns = excluded.map((glob) => globToRegExp(glob));
  const leftOut = new Set(
    Object.values(PACKAGE_DATABASES).filter((path) => patterns.some((one) => one.test(`.${path}`))),
  );
  const readText = (path: string): string =>
    (leftOut as ReadonlySet<string>).has(path) ? '' : tree.readText(path);
  return collectInventory({ tree, readText, files });
}

interface FolderEntry {
  readonly type: string;
  readonly target?: ByteString;
}

/** A folder on disk as a tree in which links are followed; it is looked at where it is asked for. */
class FolderTree implements PathTree {
  readonly #root: string;
  readonly #entries = new Map<ByteString, FolderEntry | undefined>();

  constructor(root: string) {
    this.#root = root;
  }

  lookup(path: ByteString): { readonly entry: FolderEntry } | undefined {
    if (!this.#entries.has(path)) this.#entries.set(path, this.#find(path));
    const entry = this.#entries.get(path);
    return entry && { entry };
  }

  isDirectory(path: ByteString): boolean {
    return path === '/' || this.lookup(path)?.entry.type === 'directory';
  }

  /** All of them, ascending. */
  regularFiles(): ByteString[] {
    this.#walk('/');
    const files = [...this.#entries].filter(([, entry]) => entry?.type === 'file');
    return files.map(([path]) => path).toSorted();
  }

  /** Empty where there is none, or none that this user may read. */
  readText(path: string): string {
    const resolved = resolvePath(this, byteString(path), { followLast: true });
    if (resolved.type !== 'path' || this.lookup(resolved.path)?.entry.type !== 'file') return '';
    try {
      return readFileSync(this.#place(resolved.path), 'utf8');
    } catch (error) {
      if (isErrno(error, 'EACCES', 'ENOENT')) return '';
      throw error;
    }
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

  #walk(folder: ByteString): void {
    for (const found of readdirSync(this.#place(folder), { withFileTypes: true, encoding: 'buffer' })) {
      const path = join(folder, found.name.toString('latin1'));
      const entry = this.#entryOf(found, path);
      this.#entries.set(path, entry);
      if (entry.type === 'directory') this.#walk(path);
    }
  }

  #find(path: ByteString): FolderEntry | undefined {
    try {
      return this.#entryOf(lstatSync(this.#place(path)), path);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES')) return undefined;
      throw error;
    }
  }

  #entryOf(found: Dirent<Buffer> | Stats, path: ByteString): FolderEntry {
    if (found.isDirectory()) return { type: 'directory' };
    if (found.isFile()) return { type: 'file' };
    if (!found.isSymbolicLink()) return { type: 'other' };
    return { type: 'symlink', target: readlinkSync(this.#place(path), 'buffer').toString('latin1') };
  }

  #place(path: ByteString): Buffer {
    return Buffer.concat([Buffer.from(this.#root), bytesOf(path)]);
  }
}
