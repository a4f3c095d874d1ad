import type { FileHandle } from 'node:fs/promises';
import { crc32c } from './crc32c.ts';

/**
 * Field offsets of ext4's on-disk records (kernel documentation, filesystems/ext4/globals and dynamic). Times that
 * say when an image was made, not what is in it, are set to one value; then the checksums over them are made anew.
 */
const SUPERBLOCK = {
  inodes: 0x00,
  blocks: 0x04,
  firstDataBlock: 0x14,
  logBlockSize: 0x18,
  blocksPerGroup: 0x20,
  inodesPerGroup: 0x28,
  mountTime: 0x2c,
  writeTime: 0x30,
  magic: 0x38,
  checkTime: 0x40,
  inodeSize: 0x58,
  incompatible: 0x60,
  readOnlyCompatible: 0x64,
  uuid: 0x68,
  descriptorSize: 0xfe,
  createdTime: 0x108,
  kilobytesWritten: 0x178,
  checksumSeed: 0x270,
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
const INCOMPAT_64BIT = 0x80;
const INCOMPAT_CSUM_SEED = 0x2000;
const RO_COMPAT_METADATA_CSUM = 0x400;
const INODE_UNINIT = 1;

interface Geometry {
  readonly blockSize: number;
  readonly groups: number;
  readonly blocksPerGroup: number;
  readonly firstDataBlock: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly descriptorSize: number;
  readonly checksumSeed: number;
}

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
  const descriptors = await readAt(
    disk,
    offset + (geometry.firstDataBlock + 1) * geometry.blockSize,
    geometry.groups * geometry.descriptorSize,
  );
  for (let group = 0; group < geometry.groups; group += 1) {
    const descriptor = descriptors.subarray(
      group * geometry.descriptorSize,
      (group + 1) * geometry.descriptorSize,
    );
    const wide = geometry.descriptorSize >= 64;
    if (descriptor.readUInt16LE(0x12) & INODE_UNINIT) continue;
    const unused = descriptor.readUInt16LE(0x1c) + (wide ? descriptor.readUInt16LE(0x32) * 0x10000 : 0);
    const tableBlock = descriptor.readUInt32LE(8) + (wide ? descriptor.readUInt32LE(0x28) * 2 ** 32 : 0);
    const at = offset + tableBlock * geometry.blockSize;
    const inodes = await readAt(disk, at, (geometry.inodesPerGroup - unused) * geometry.inodeSize);
    const changed = normalizeInodes(inodes, group * geometry.inodesPerGroup + 1, geometry);
    if (changed !== undefined) {
      await disk.write(inodes, changed.start, changed.end - changed.start, at + changed.start);
    }
  }
}

function readGeometry(superblock: Buffer): Geometry {
  if (superblock.readUInt16LE(SUPERBLOCK.magic) !== 0xef53)
    throw new Error('no ext4 file system at this offset');
  if ((superblock.readUInt32LE(SUPERBLOCK.readOnlyCompatible) & RO_COMPAT_METADATA_CSUM) === 0) {
    throw new Error('the ext4 file system has no metadata checksums');
  }
  const incompatible = superblock.readUInt32LE(SUPERBLOCK.incompatible);
  const inodesPerGroup = superblock.readUInt32LE(SUPERBLOCK.inodesPerGroup);
  return {
    blockSize: 1024 << superblock.readUInt32LE(SUPERBLOCK.logBlockSize),
    groups: Math.ceil(superblock.readUInt32LE(SUPERBLOCK.inodes) / inodesPerGroup),
    blocksPerGroup: superblock.readUInt32LE(SUPERBLOCK.blocksPerGroup),
    firstDataBlock: superblock.readUInt32LE(SUPERBLOCK.firstDataBlock),
    inodesPerGroup,
    inodeSize: superblock.readUInt16LE(SUPERBLOCK.inodeSize),
    descriptorSize: incompatible & INCOMPAT_64BIT ? superblock.readUInt16LE(SUPERBLOCK.descriptorSize) : 32,
    checksumSeed:
      incompatible & INCOMPAT_CSUM_SEED
        ? superblock.readUInt32LE(SUPERBLOCK.checksumSeed)
        : crc32c(0xffffffff, superblock, SUPERBLOCK.uuid, SUPERBLOCK.uuid + 16),
  };
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
    if (copy.readUInt16LE(SUPERBLOCK.magic) !== 0xef53) continue;
    normalizeSuperblock(copy, epoch);
    await disk.write(copy, 0, copy.length, offset + block * geometry.blockSize);
  }
}

function backupGroups(groups: number): number[] {
  const found = [1];
  for (const base of [3, 5, 7]) for (let power = base; power < groups; power *= base) found.push(power);
  return found.filter((group) => group < groups);
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

async function readAt(disk: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await disk.read(buffer, done, length - done, position + done);
    if (bytesRead === 0) throw new Error('the disk image ends inside its file system');
    done += bytesRead;
  }
  return buffer;
}
