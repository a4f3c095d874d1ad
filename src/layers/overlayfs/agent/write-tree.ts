import {
  chmodSync,
  chownSync,
  constants,
  copyFileSync,
  existsSync,
  lchownSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { FailureError } from '../../../diagnostics/failure.ts';
import type { TreeEntry } from '../../../model/tree-entry.ts';
import { isErrno } from '../../../util/atomic-file.ts';
import { byteString } from '../../manifest.ts';
import type { Placement } from '../../workspace.ts';
import { makeWhiteouts, setAttributes } from './extended-attributes.ts';

/** Attributes of a folder that is repeated in a layer because something below it is written. */
interface FolderAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly xattrs?: readonly (readonly [name: string, hex: string])[];
}

export interface TreeToWrite {
  /** An empty folder. */
  readonly root: string;
  readonly entries: readonly TreeEntry[];
  /** One per entry, in order. */
  readonly placements: readonly Placement[];
  /** Time of all that is written, in seconds since 1970. */
  readonly mtime: number;
  /** Times of existing folders, where they are to be kept. */
  readonly folderTime?: (path: string) => number | undefined;
}

/**
 * Writes entries where their placements say, with the folders above them, as an overlay upper tree. Of several entries
 * at one place the last counts.
 */
export function writeTree({ root, entries: all, placements: places, mtime, folderTime }: TreeToWrite): void {
  const lastAt = new Map(places.map(({ path }, index) => [path, index]));
  const isLast = (_: unknown, index: number): boolean => lastAt.get(places[index]?.path ?? '') === index;
  try {
    writeDistinct({
      root,
      entries: all.filter(isLast),
      placements: places.filter(isLast),
      mtime,
      ...(folderTime && { folderTime }),
    });
  } catch (error) {
    if (!isErrno(error, 'ENAMETOOLONG')) throw error;
    throw new FailureError({
      reason: 'template-invalid',
      message: `a path is too long: a name may have 255 bytes, a path with the folder of the cache before it 4095`,
      cause: error,
    });
  }
}

function writeDistinct({ root, entries, placements, mtime, folderTime }: TreeToWrite): void {
  const folders = new Map<string, FolderAttributes>();
  const whiteouts: string[] = [];
  for (const [index, entry] of entries.entries()) {
    const place = placements[index];
    if (place === undefined) throw new Error(`no placement for ${entry.path}`);
    if (entry.type === 'remove' && place.exists !== true) continue;
    addParents(folders, place, mtime, folderTime);
  }
  // Entries that are folders themselves win over what lies below, whatever their order.
  for (const [index, entry] of entries.entries()) {
    const place = placements[index];
    if (entry.type === 'directory' && place !== undefined) {
      folders.set(place.path, { mode: entry.mode, uid: place.uid, gid: place.gid, mtime });
    }
  }
  for (const path of [...folders.keys()].toSorted()) mkdirSync(root + path, { recursive: true });
  for (const [index, entry] of entries.entries()) {
    const place = placements[index];
    if (place === undefined) continue;
    if (entry.type === 'remove' && place.exists === true) whiteouts.push(place.path);
    if (entry.type === 'file' || entry.type === 'symlink') writeEntry(root + place.path, entry, place, mtime);
  }
  makeWhiteouts(root, whiteouts.map(byteString));
  // Deepest first, as filling a folder moves its time.
  const deepestFirst = [...folders].toSorted(([a], [b]) => (a < b ? 1 : -1));
  for (const [path, folder] of deepestFirst) {
    chownSync(root + path, folder.uid, folder.gid);
    chmodSync(root + path, folder.mode);
  }
  // Access lists after the modes, which would change them; times after all.
  setAttributes(
    root,
    new Map([...folders].flatMap(([path, { xattrs }]) => (xattrs ? [[byteString(path), xattrs]] : []))),
  );
  for (const [path, folder] of deepestFirst) {
    lutimesSync(root + path, folder.mtime, folder.mtime);
  }
}

function addParents(
  folders: Map<string, FolderAttributes>,
  place: Placement,
  mtime: number,
  folderTime: TreeToWrite['folderTime'],
): void {
  for (const { path, ...attributes } of place.parents) {
    folders.set(path, { ...attributes, mtime: folderTime?.(path) ?? mtime });
  }
  for (let path = dirname(place.path); !folders.has(path); path = dirname(path)) {
    folders.set(path, { mode: 0o755, uid: 0, gid: 0, mtime });
  }
}

function writeEntry(
  path: string,
  entry: TreeEntry & { type: 'file' | 'symlink' },
  place: Placement,
  mtime: number,
): void {
  if (entry.type === 'symlink') {
    symlinkSync(entry.target, path);
    lchownSync(path, place.uid, place.gid);
  } else {
    if (entry.content.type === 'text') writeFileSync(path, entry.content.text, { flag: 'wx' });
    else copyHostFile(entry.content.path, path);
    // Owner before mode: a change of owner clears the set-user-id bits.
    chownSync(path, place.uid, place.gid);
    chmodSync(path, entry.mode);
  }
  lutimesSync(path, mtime, mtime);
}

/** @throws FailureError `input-missing` */
function copyHostFile(source: string, target: string): void {
  try {
    copyFileSync(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR') || existsSync(target)) throw error;
    throw new FailureError({ reason: 'input-missing', message: `${source} cannot be read`, cause: error });
  }
}
