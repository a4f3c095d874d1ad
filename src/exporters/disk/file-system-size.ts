import type { FileSystemType } from '../../model/pipeline.ts';

/** Sizes that `fit` gives are multiples of this, so that small edits do not move the layout. */
export const FIT_STEP = 16 * 2 ** 20;
const MIB = 2 ** 20;
const BLOCK = 4096;
const INODE_BYTES = 256;
/** Bytes of disk for which one inode is made when the files themselves do not need more. */
const BYTES_PER_INODE = 16384;
/** Part of an ext4 file system kept for root, in percent; mke2fs -m. */
export const RESERVED_PERCENT = 1;
/** mkfs.xfs since 5.19 makes none that is smaller. */
const SMALLEST_XFS = 300 * MIB;
/** Journal of XFS, fixed here so that no version's default decides. */
export const XFS_LOG_MEBIBYTES = 64;
/** mkfs.btrfs makes none that is smaller. */
const SMALLEST_BTRFS = 128 * MIB;

/** What the files need in a file system. */
export interface TreeSize {
  readonly bytes: number;
  readonly entries: number;
  /** Bytes that further names of files take where each becomes a file of its own (XFS). */
  readonly linkedBytes?: number;
}

/** Blocks that one file, folder or link takes, in bytes; its inode is counted apart. */
export function entryBytes(entry: {
  readonly type: string;
  readonly size?: number;
  readonly target?: string;
}): number {
  if (entry.type === 'file') return roundUp(entry.size ?? 0, BLOCK);
  // A link of less than 60 bytes lies in its inode.
  if (entry.type === 'symlink') return (entry.target ?? '').length < 60 ? 0 : BLOCK;
  // Two blocks on average are more than Debian's folders need.
  return entry.type === 'directory' ? 2 * BLOCK : 0;
}

/**
 * Size of a file system that holds the files and `free` bytes more. ext4's is worked out from how mke2fs lays it out;
 * those of the others are measured, with room to spare.
 */
export function fitFileSystem(type: FileSystemType, files: TreeSize, free: number): number {
  switch (type) {
    case 'ext4':
      return fitExt4(files, free);
    case 'xfs': {
      const content = files.bytes + (files.linkedBytes ?? 0) + files.entries * 600 + free;
      return Math.max(SMALLEST_XFS, Math.ceil(content * 1.03) + (XFS_LOG_MEBIBYTES + 32) * MIB);
    }
    case 'btrfs':
      return Math.max(
        SMALLEST_BTRFS,
        Math.ceil((files.bytes + files.entries * 1024 + free) * 1.08) + 96 * MIB,
      );
  }
}

/** With inodes, journal, group descriptors and the reserve, each of which grows with the size itself. */
function fitExt4(files: TreeSize, free: number): number {
  const content = files.bytes + free;
  let size = content;
  for (let round = 0; round < 4; round += 1) {
    const overhead =
      inodesFor(size, files.entries) * INODE_BYTES +
      journalFor(size) * MIB +
      Math.ceil(size * 0.002) +
      4 * MIB;
    size = Math.ceil((content + overhead) / (1 - RESERVED_PERCENT / 100));
  }
  return size;
}

/** One inode for 16 KiB as mke2fs does it, and never fewer than the files need with a quarter to spare. */
export function inodesFor(bytes: number, entries: number): number {
  return roundUp(Math.max(Math.ceil(bytes / BYTES_PER_INODE), Math.ceil(entries * 1.25) + 1024), 256);
}

/** Journal sizes of mke2fs 1.47 by file-system size in MiB, fixed here so that other versions agree. */
export function journalFor(bytes: number): number {
  if (bytes < 128 * MIB) return 4;
  if (bytes < 2 ** 30) return 16;
  if (bytes < 2 * 2 ** 30) return 32;
  return bytes < 16 * 2 ** 30 ? 64 : 128;
}

export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

export function roundDown(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
