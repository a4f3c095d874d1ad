import type { DiskRequest } from '../../model/disk-request.ts';
import type { Architecture } from '../../model/platform.ts';
import { BACKUP_SECTORS, PARTITION_TYPES, SECTOR, type Partition, type PartitionTable } from './gpt.ts';
import { derivedUuid } from './guid.ts';

/** Partitions start and end on whole mebibytes, as every partitioning tool of the last ten years does it. */
const ALIGNMENT = 2 ** 20;
const ALIGNED_SECTORS = ALIGNMENT / SECTOR;
/** Sizes that `fit` gives are multiples of this, so that small edits do not move the layout. */
const FIT_STEP = 16 * 2 ** 20;
const BLOCK = 4096;
const INODE_BYTES = 256;
/** Bytes of disk for which one inode is made when the files themselves do not need more. */
const BYTES_PER_INODE = 16384;
/** Part of the root file system kept for root, in percent; mke2fs -m. */
export const RESERVED_PERCENT = 1;

/** Where everything lies on a disk, and how its root file system is laid out. Sizes in bytes unless named otherwise. */
export interface DiskLayout {
  readonly table: PartitionTable;
  readonly size: number;
  readonly biosBoot?: Partition;
  readonly esp?: Partition;
  readonly root: Partition;
  /** UUID of the root file system, also the seed of its directory hashes. */
  readonly rootUuid: string;
  /** 32-bit volume id of the ESP, eight hex digits. */
  readonly espVolumeId: string;
  readonly inodes: number;
  readonly journalMebibytes: number;
}

/** What the files need in the root file system. */
export interface TreeSize {
  readonly bytes: number;
  readonly entries: number;
}

/**
 * Lays out the disk. Depends on nothing but the request and the two sizes.
 * @param files all of the image's files as `fileBlocks` counts them
 */
export function planLayout(request: DiskRequest, files: TreeSize): DiskLayout {
  const { spec, seed } = request;
  const uuid = (name: string): string => derivedUuid(seed, name);
  let next = ALIGNED_SECTORS;
  const place = (name: string, type: string, sectors: number): Partition => {
    const partition = { name, type, uuid: uuid(`partition/${name}`), start: next, sectors };
    next += sectors;
    return partition;
  };
  const biosBoot =
    spec.firmware === 'uefi' ? undefined : place('bios', PARTITION_TYPES.biosBoot, ALIGNED_SECTORS);
  const esp =
    spec.firmware === 'bios'
      ? undefined
      : place('esp', PARTITION_TYPES.esp, roundUp(spec.espSize, ALIGNMENT) / SECTOR);
  const size =
    spec.size === 'fit'
      ? roundUp(next * SECTOR + fitRoot(files, spec.free) + ALIGNMENT, FIT_STEP)
      : roundDown(spec.size, ALIGNMENT);
  const diskSectors = size / SECTOR;
  const rootEnd = roundDown(diskSectors - BACKUP_SECTORS, ALIGNED_SECTORS);
  const root = place('root', rootType(request.architecture), Math.max(0, rootEnd - next));
  const rootBytes = root.sectors * SECTOR;
  return {
    table: {
      diskUuid: uuid('disk'),
      diskSectors,
      partitions: [biosBoot, esp, root].filter((part) => part !== undefined),
    },
    size,
    ...(biosBoot && { biosBoot }),
    ...(esp && { esp }),
    root,
    rootUuid: uuid('file-system/root'),
    espVolumeId: uuid('file-system/esp').slice(0, 8),
    inodes: inodesFor(rootBytes, files.entries),
    journalMebibytes: journalFor(rootBytes),
  };
}

/** Whether the files can fit the layout's root file system at all; mke2fs has the last word. */
export function rootBytesNeeded(files: TreeSize): number {
  return fitRoot(files, 0);
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
 * Size of a root file system that holds the files and `free` bytes more: with inodes, journal, group descriptors
 * and the reserve, each of which grows with the size itself.
 */
function fitRoot(files: TreeSize, free: number): number {
  const content = files.bytes + free;
  let size = content;
  for (let round = 0; round < 4; round += 1) {
    const overhead =
      inodesFor(size, files.entries) * INODE_BYTES +
      journalFor(size) * 2 ** 20 +
      Math.ceil(size * 0.002) +
      4 * 2 ** 20;
    size = Math.ceil((content + overhead) / (1 - RESERVED_PERCENT / 100));
  }
  return size;
}

/** One inode for 16 KiB as mke2fs does it, and never fewer than the files need with a quarter to spare. */
function inodesFor(rootBytes: number, entries: number): number {
  return roundUp(Math.max(Math.ceil(rootBytes / BYTES_PER_INODE), Math.ceil(entries * 1.25) + 1024), 256);
}

/** Journal sizes of mke2fs 1.47 by file-system size, fixed here so that other versions agree. */
function journalFor(rootBytes: number): number {
  if (rootBytes < 128 * 2 ** 20) return 4;
  if (rootBytes < 2 ** 30) return 16;
  if (rootBytes < 2 * 2 ** 30) return 32;
  return rootBytes < 16 * 2 ** 30 ? 64 : 128;
}

/** Root partition types by architecture, so that systemd finds and grows the root file system by itself. */
function rootType(architecture: Architecture): string {
  if (architecture === 'amd64') return PARTITION_TYPES.rootAmd64;
  if (architecture === 'arm64') return PARTITION_TYPES.rootArm64;
  return architecture === 'i386' ? PARTITION_TYPES.rootI386 : PARTITION_TYPES.linux;
}

export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

function roundDown(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
