import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  unlinkSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { FailureError } from '../../../diagnostics/failure.ts';
import { isErrno } from '../../../util/atomic-file.ts';
import { byteString, textOf, type ByteString } from '../../manifest.ts';
import { describeUnresolved, resolvePath, type PathTree } from '../../resolve-path.ts';
import { parentOf } from '../../view-index.ts';
import type { ImageFile, MountPoint, PreparedMountPoints } from '../../workspace.ts';
import { diskPath } from './scan-tree.ts';

/** The tree of an active layer as the kernel shows it. Links are followed by us, so that none leads out of it. */
class DiskTree implements PathTree {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  lookup(path: ByteString): ReturnType<PathTree['lookup']> {
    const stat = this.stat(path);
    if (stat === undefined) return undefined;
    if (stat.isDirectory()) return { entry: { type: 'directory' } };
    if (!stat.isSymbolicLink()) return { entry: { type: 'other' } };
    const target = readlinkSync(diskPath(this.#root, path), { encoding: 'buffer' }).toString('latin1');
    return { entry: { type: 'symlink', target } };
  }

  isDirectory(path: ByteString): boolean {
    return this.stat(path)?.isDirectory() === true;
  }

  stat(path: ByteString): Stats | undefined {
    return lstatSync(diskPath(this.#root, path), { throwIfNoEntry: false });
  }

  /** @throws FailureError `step-failed` when links lead in a circle or a file is in the way */
  resolve(path: string): ByteString {
    const resolved = resolvePath(this, byteString(path), { followLast: true });
    if (resolved.type === 'path') return resolved.path;
    throw new FailureError({ reason: 'step-failed', message: describeUnresolved(path, resolved) });
  }

  /** Makes missing folders of a real path (0755 root); gives those it made, topmost first. */
  makeFolders(path: ByteString): ByteString[] {
    if (this.isDirectory(path)) return [];
    const made = this.makeFolders(parentOf(path));
    mkdirSync(diskPath(this.#root, path), { mode: 0o755 });
    return [...made, path];
  }
}

export function readImageFile(root: string, path: string): string | null {
  const resolved = resolvePath(new DiskTree(root), byteString(path), { followLast: true });
  return resolved.type === 'path' ? readText(diskPath(root, resolved.path)) : null;
}

export function writeImageFile(root: string, file: ImageFile): void {
  const tree = new DiskTree(root);
  const real = tree.resolve(file.path);
  tree.makeFolders(parentOf(real));
  const path = diskPath(root, real);
  writeFileSync(path, file.content);
  chownSync(path, file.uid, file.gid);
  chmodSync(path, file.mode);
}

/** Folders that the sandbox covers with file systems of its own; it makes mount points in them itself. */
const COVERED = ['/dev', '/proc', '/run', '/sys', '/tmp', '/var/tmp'];

export function prepareMountPoints(root: string, points: readonly MountPoint[]): PreparedMountPoints {
  const tree = new DiskTree(root);
  const made: ByteString[] = [];
  const paths = points.map((point) => {
    const path = tree.resolve(point.path);
    if (COVERED.some((folder) => path === folder || path.startsWith(`${folder}/`))) return path;
    made.push(...tree.makeFolders(point.type === 'directory' ? path : parentOf(path)));
    if (point.type === 'file' && tree.stat(path) === undefined) {
      writeFileSync(diskPath(root, path), '');
      made.push(path);
    }
    return path;
  });
  return { paths: paths.map(textOf), made: made.map(textOf) };
}

/** Removes mount points again, unless something has been put there. */
export function removeMountPoints(root: string, made: readonly string[]): void {
  const tree = new DiskTree(root);
  for (const path of made.map(byteString).toReversed()) {
    const stat = tree.stat(path);
    try {
      if (stat?.isDirectory() === true) rmdirSync(diskPath(root, path));
      else if (stat?.isFile() === true && stat.size === 0) unlinkSync(diskPath(root, path));
    } catch (error) {
      if (!isErrno(error, 'ENOTEMPTY')) throw error;
    }
  }
}

/** Text of a file, or null when there is none. */
export function readText(path: Buffer | string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return null;
    throw error;
  }
}
