import type { FileHandle } from 'node:fs/promises';
import { crc32c } from './crc32c.ts';
import {
  backupGroups,
  isSuperblock,
  readAt,
  readGeometry,
  readGroups,
  type Geometry,
} from './ext4-geometry.ts';

/**
 * Field offsets of ext4's on-disk records (kernel documentation, filesystems/ext4/globals and dynamic). Times that
 * say when an image was made, not what is in it, are set to one value; then the checksums over them are made anew.
 */
const SUPERBLOCK = {
  mountTime: 0x2c,
  writeTime: 0x30,
  checkTime: 0x40,
  createdTime: 0x108,
  kilobytesWritten: 0x178,
  timesHigh: 0x274,
  checksum: 0x3fc,
} as const;
const INODE = {
  mode: 0,
  accessTime: 8,
  changeTime: 12,
  modifyTime: 16,
  links: 26,
  generation: 100,
  checksumLow: 124,
  checksumHigh: 130,
  changeExtra: 132,
  modifyExtra: 136,
  accessExtra: 140,
  createTime: 144,
  createExtra: 148,
} as const;

/**
 * Sets access, change and creation time of every used inode to its modification time, the super block's times to
 * `epoch` and its write counter to zero, and mends the checksums. Idempotent; leaves everything else as it is.
 * @param offset byte at which the file system starts in the file
 * @param epoch seconds since 1970
 */
export async function normalizeExt4(disk: FileHandle, offset: number, epoch: number): Promise<void> {
  const superblock = await readAt(disk, offset + 1024, 1024);
  const geometry = readGeometry(superblock);
  await normalizeSuperblocks(disk, offset, superblock, geometry, epoch);
  for (const [group, { inodeTable, usedInodes }] of (await readGroups(disk, offset, geometry)).entries()) {
    if (usedInodes === 0) continue;
    const at = offset + inodeTable * geometry.blockSize;
    const inodes = await readAt(disk, at, usedInodes * geometry.inodeSize);
    const changed = normalizeInodes(inodes, group * geometry.inodesPerGroup + 1, geometry);
    if (changed !== undefined) {
      await disk.write(inodes, changed.start, changed.end - changed.start, at + changed.start);
    }
  }
}

/** The primary super block, and the copies that `sparse_super` keeps in groups 1 and the powers of 3, 5 and 7. */
async function normalizeSuperblocks(
  disk: FileHandle,
  offset: number,
  primary: Buffer,
  geometry: Geometry,
  epoch: number,
): Promise<void> {
  normalizeSuperblock(primary, epoch);
  await disk.write(primary, 0, primary.length, offset + 1024);
  for (const group of backupGroups(geometry.groups)) {
    const block = geometry.firstDataBlock + group * geometry.blocksPerGroup;
    const copy = await readAt(disk, offset + block * geometry.blockSize, 1024);
    if (!isSuperblock(copy)) continue;
    normalizeSuperblock(copy, epoch);
    await disk.write(copy, 0, copy.length, offset + block * geometry.blockSize);
  }
}

function normalizeSuperblock(superblock: Buffer, epoch: number): void {
  superblock.writeUInt32LE(0, SUPERBLOCK.mountTime);
  superblock.writeUInt32LE(epoch >>> 0, SUPERBLOCK.writeTime);
  superblock.writeUInt32LE(epoch >>> 0, SUPERBLOCK.checkTime);
  superblock.writeUInt32LE(epoch >>> 0, SUPERBLOCK.createdTime);
  superblock.writeBigUInt64LE(0n, SUPERBLOCK.kilobytesWritten);
  superblock.fill(0, SUPERBLOCK.timesHigh, SUPERBLOCK.timesHigh + 4);
  superblock.writeUInt32LE(crc32c(0xffffffff, superblock, 0, SUPERBLOCK.checksum), SUPERBLOCK.checksum);
}

/** @returns the run of bytes that changed, or undefined when nothing did */
function normalizeInodes(
  inodes: Buffer,
  firstInode: number,
  geometry: Geometry,
): { start: number; end: number } | undefined {
  const size = geometry.inodeSize;
  let start: number | undefined;
  let end = 0;
  for (let at = 0; at + size <= inodes.length; at += size) {
    if (inodes.readUInt16LE(at + INODE.mode) === 0 && inodes.readUInt16LE(at + INODE.links) === 0) continue;
    if (!setTimes(inodes, at)) continue;
    setInodeChecksum(inodes.subarray(at, at + size), firstInode + at / size, geometry.checksumSeed);
    start ??= at;
    end = at + size;
  }
  return start === undefined ? undefined : { start, end };
}

/** Whole seconds of the modification time, everywhere. Bits 0 and 1 of an extra field extend the seconds past 2038. */
function setTimes(inodes: Buffer, at: number): boolean {
  const seconds = inodes.readUInt32LE(at + INODE.modifyTime);
  const extra = inodes.readUInt32LE(at + INODE.modifyExtra) & 3;
  let changed = false;
  for (const [field, value] of [
    [INODE.accessTime, seconds],
    [INODE.changeTime, seconds],
    [INODE.createTime, seconds],
    [INODE.modifyExtra, extra],
    [INODE.changeExtra, extra],
    [INODE.accessExtra, extra],
    [INODE.createExtra, extra],
  ] as const) {
    if (inodes.readUInt32LE(at + field) === value) continue;
    inodes.writeUInt32LE(value, at + field);
    changed = true;
  }
  return changed;
}

function setInodeChecksum(inode: Buffer, number: number, seed: number): void {
  inode.writeUInt16LE(0, INODE.checksumLow);
  inode.writeUInt16LE(0, INODE.checksumHigh);
  const numberBytes = Buffer.alloc(4);
  numberBytes.writeUInt32LE(number);
  let checksum = crc32c(seed, numberBytes);
  checksum = crc32c(checksum, inode, INODE.generation, INODE.generation + 4);
  checksum = crc32c(checksum, inode);
  inode.writeUInt16LE(checksum & 0xffff, INODE.checksumLow);
  inode.writeUInt16LE(checksum >>> 16, INODE.checksumHigh);
}
