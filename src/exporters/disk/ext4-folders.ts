import type { FileHandle } from 'node:fs/promises';
import type { ByteRange } from '../../util/byte-ranges.ts';
import { readAt, type BlockGroup, type Geometry } from './ext4-geometry.ts';

/** An ext4 file system inside a disk file. */
export interface FileSystemView {
  readonly disk: FileHandle;
  /** Byte at which it starts in the file. */
  readonly offset: number;
  readonly geometry: Geometry;
  readonly groups: readonly BlockGroup[];
}

const ROOT_INODE = 2;
const FOLDER = 2;
const EXTENTS_FLAG = 0x80000;
const EXTENT_MAGIC = 0xf30a;

/** One folder: where its blocks and those of its extent tree lie, and the folders in it by name. */
interface Folder {
  readonly blocks: readonly ByteRange[];
  readonly folders: ReadonlyMap<string, number>;
}

/**
 * Where the blocks of the given folders and of all above them lie, extent trees included; bytes from the start of the
 * disk file. Folders that are not there are left out.
 * @param paths absolute, plain ASCII
 * @returns undefined when a folder has a form that is not known here
 */
export async function folderBlocks(
  fileSystem: FileSystemView,
  paths: Iterable<string>,
): Promise<ByteRange[] | undefined> {
  const known = new Map<number, Folder>();
  for (const path of new Set(paths)) {
    let inode: number | undefined = ROOT_INODE;
    for (const name of [...path.split('/').filter((part) => part !== ''), undefined]) {
      const folder: Folder | undefined = known.get(inode) ?? (await readFolder(fileSystem, inode));
      if (folder === undefined) return undefined;
      known.set(inode, folder);
      inode = name === undefined ? undefined : folder.folders.get(name);
      if (inode === undefined) break;
    }
  }
  return [...known.values()].flatMap((folder) => folder.blocks);
}

async function readFolder(fileSystem: FileSystemView, inodeNumber: number): Promise<Folder | undefined> {
  const { disk, offset, geometry, groups } = fileSystem;
  const table = groups[Math.floor((inodeNumber - 1) / geometry.inodesPerGroup)]?.inodeTable;
  if (table === undefined) return undefined;
  const index = (inodeNumber - 1) % geometry.inodesPerGroup;
  const inodeAt = offset + table * geometry.blockSize + index * geometry.inodeSize;
  const inode = await readAt(disk, inodeAt, geometry.inodeSize);
  if ((inode.readUInt32LE(0x20) & EXTENTS_FLAG) === 0) return undefined;
  const tree: ByteRange[] = [];
  const content = await readExtents(fileSystem, inode.subarray(0x28, 0x28 + 60), tree);
  if (content === undefined) return undefined;
  const folders = new Map<string, number>();
  for (const { start, end } of content)
    addFolders(folders, await readAt(disk, start, end - start), geometry.blockSize);
  return { blocks: [...tree, ...content], folders };
}

/** Follows an extent tree (kernel documentation, filesystems/ext4/dynamic, "Extent Tree"). */
async function readExtents(
  fileSystem: FileSystemView,
  node: Buffer,
  tree: ByteRange[],
): Promise<ByteRange[] | undefined> {
  if (node.readUInt16LE(0) !== EXTENT_MAGIC) return undefined;
  const { blockSize } = fileSystem.geometry;
  const range = (block: number, count: number): ByteRange => {
    const start = fileSystem.offset + block * blockSize;
    return { start, end: start + count * blockSize };
  };
  const depth = node.readUInt16LE(6);
  const found: ByteRange[] = [];
  for (let entry = 0, at = 12; entry < node.readUInt16LE(2); entry += 1, at += 12) {
    if (depth === 0) {
      const length = node.readUInt16LE(at + 4);
      // Longer ones are reserved, not written: no folder has them.
      if (length > 0x8000) return undefined;
      found.push(range(node.readUInt16LE(at + 6) * 2 ** 32 + node.readUInt32LE(at + 8), length));
    } else {
      const below = range(node.readUInt16LE(at + 8) * 2 ** 32 + node.readUInt32LE(at + 4), 1);
      tree.push(below);
      const child = await readAt(fileSystem.disk, below.start, blockSize);
      const extents = await readExtents(fileSystem, child, tree);
      if (extents === undefined) return undefined;
      found.push(...extents);
    }
  }
  return found;
}

/** Index blocks of large folders look like empty entries, so one reading does for all blocks. */
function addFolders(folders: Map<string, number>, blocks: Buffer, blockSize: number): void {
  for (let block = 0; block < blocks.length; block += blockSize) {
    for (let at = block; at + 8 <= block + blockSize;) {
      const inode = blocks.readUInt32LE(at);
      const length = blocks.readUInt16LE(at + 4);
      const nameLength = blocks.readUInt8(at + 6);
      const isFolder = blocks.readUInt8(at + 7) === FOLDER;
      const name = blocks.toString('latin1', at + 8, at + 8 + nameLength);
      if (inode !== 0 && isFolder && name !== '.' && name !== '..') folders.set(name, inode);
      if (length < 8) break;
      at += length;
    }
  }
}
