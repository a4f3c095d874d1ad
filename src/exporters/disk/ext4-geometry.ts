import type { FileHandle } from 'node:fs/promises';
import { readFully } from '../disk-image.ts';
import { crc32c } from './crc32c.ts';

/** Field offsets of ext4's super block and group descriptors (kernel documentation, filesystems/ext4/globals). */
const SUPERBLOCK = {
  inodes: 0x00,
  blocks: 0x04,
  firstDataBlock: 0x14,
  logBlockSize: 0x18,
  blocksPerGroup: 0x20,
  inodesPerGroup: 0x28,
  magic: 0x38,
  inodeSize: 0x58,
  incompatible: 0x60,
  readOnlyCompatible: 0x64,
  uuid: 0x68,
  reservedDescriptorBlocks: 0xce,
  descriptorSize: 0xfe,
  checksumSeed: 0x270,
} as const;
const INCOMPAT_64BIT = 0x80;
const INCOMPAT_CSUM_SEED = 0x2000;
const RO_COMPAT_METADATA_CSUM = 0x400;
const INODE_UNINIT = 1;
const BLOCK_UNINIT = 2;

/** How an ext4 file system is divided. Block numbers and counts of blocks, sizes in bytes. */
export interface Geometry {
  readonly blockSize: number;
  readonly blocks: number;
  readonly groups: number;
  readonly blocksPerGroup: number;
  readonly firstDataBlock: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly descriptorSize: number;
  readonly descriptorBlocks: number;
  readonly reservedDescriptorBlocks: number;
  readonly checksumSeed: number;
}

/** One block group, by its descriptor. */
export interface BlockGroup {
  readonly blockBitmap: number;
  readonly inodeBitmap: number;
  readonly inodeTable: number;
  /** Inodes at the start of the table that are or were in use; the others were never written. */
  readonly usedInodes: number;
  /** Whether its block bitmap was never written, because nothing but metadata lies in it. */
  readonly hasNoBlockBitmap: boolean;
}

export function readGeometry(superblock: Buffer): Geometry {
  if (!isSuperblock(superblock)) throw new Error('no ext4 file system at this offset');
  if ((superblock.readUInt32LE(SUPERBLOCK.readOnlyCompatible) & RO_COMPAT_METADATA_CSUM) === 0) {
    throw new Error('the ext4 file system has no metadata checksums');
  }
  const incompatible = superblock.readUInt32LE(SUPERBLOCK.incompatible);
  const inodesPerGroup = superblock.readUInt32LE(SUPERBLOCK.inodesPerGroup);
  const blockSize = 1024 << superblock.readUInt32LE(SUPERBLOCK.logBlockSize);
  const groups = Math.ceil(superblock.readUInt32LE(SUPERBLOCK.inodes) / inodesPerGroup);
  const descriptorSize =
    incompatible & INCOMPAT_64BIT ? superblock.readUInt16LE(SUPERBLOCK.descriptorSize) : 32;
  return {
    blockSize,
    blocks: superblock.readUInt32LE(SUPERBLOCK.blocks),
    groups,
    blocksPerGroup: superblock.readUInt32LE(SUPERBLOCK.blocksPerGroup),
    firstDataBlock: superblock.readUInt32LE(SUPERBLOCK.firstDataBlock),
    inodesPerGroup,
    inodeSize: superblock.readUInt16LE(SUPERBLOCK.inodeSize),
    descriptorSize,
    descriptorBlocks: Math.ceil((groups * descriptorSize) / blockSize),
    reservedDescriptorBlocks: superblock.readUInt16LE(SUPERBLOCK.reservedDescriptorBlocks),
    checksumSeed:
      incompatible & INCOMPAT_CSUM_SEED
        ? superblock.readUInt32LE(SUPERBLOCK.checksumSeed)
        : crc32c(0xffffffff, superblock, SUPERBLOCK.uuid, SUPERBLOCK.uuid + 16),
  };
}

export function isSuperblock(bytes: Buffer): boolean {
  return bytes.readUInt16LE(SUPERBLOCK.magic) === 0xef53;
}

/** @param offset byte at which the file system starts in the file */
export async function readGroups(
  disk: FileHandle,
  offset: number,
  geometry: Geometry,
): Promise<BlockGroup[]> {
  const { groups, descriptorSize, blockSize, firstDataBlock, inodesPerGroup } = geometry;
  const start = offset + (firstDataBlock + 1) * blockSize;
  const descriptors = await readAt(disk, start, groups * descriptorSize);
  const wide = descriptorSize >= 64;
  return Array.from({ length: groups }, (_, group) => {
    const at = group * descriptorSize;
    const block = (low: number, high: number): number =>
      descriptors.readUInt32LE(at + low) + (wide ? descriptors.readUInt32LE(at + high) * 2 ** 32 : 0);
    const unused =
      descriptors.readUInt16LE(at + 0x1c) + (wide ? descriptors.readUInt16LE(at + 0x32) * 0x10000 : 0);
    const flags = descriptors.readUInt16LE(at + 0x12);
    return {
      blockBitmap: block(0x00, 0x20),
      inodeBitmap: block(0x04, 0x24),
      inodeTable: block(0x08, 0x28),
      usedInodes: flags & INODE_UNINIT ? 0 : inodesPerGroup - unused,
      hasNoBlockBitmap: (flags & BLOCK_UNINIT) !== 0,
    };
  });
}

/** Groups with a copy of the super block (feature `sparse_super`): 1 and the powers of 3, 5 and 7. */
export function backupGroups(groups: number): number[] {
  const found = [1];
  for (const base of [3, 5, 7]) for (let power = base; power < groups; power *= base) found.push(power);
  return found.filter((group) => group < groups);
}

export async function readAt(disk: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  await readFully(disk, buffer, position);
  return buffer;
}
