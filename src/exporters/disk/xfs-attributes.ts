import type { FileHandle } from 'node:fs/promises';
import { crc32c } from './crc32c.ts';
import { readAt } from './ext4-geometry.ts';

/** What a file's inode says about it, beside its content. */
export interface XfsAttributes {
  /** Permissions with the set-id and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Places of XFS's on-disk records, big-endian ("XFS Algorithms & Data Structures", Linux: fs/xfs/libxfs/xfs_format.h). */
const SUPERBLOCK = { blockSize: 4, agBlocks: 84, agCount: 88, sectorSize: 102, inodeSize: 104 } as const;
const AGI = { sector: 2, root: 20, level: 24 } as const;
const TREE = { records: 6, header: 56, record: 16 } as const;
const INODE = {
  magic: 0x494e,
  mode: 2,
  uid: 8,
  gid: 12,
  times: [32, 40, 48, 144],
  checksum: 100,
  flags: 120,
  bigTime: 8n,
} as const;
const IN_RECORD = 64;
const PER_HOLE_BIT = 4;

interface Geometry {
  readonly blockSize: number;
  readonly agBlocks: number;
  readonly agCount: number;
  readonly sectorSize: number;
  readonly inodeSize: number;
}

/**
 * Sets owner, mode and times of every inode in use, and mends the checksums.
 * @param attributesOf by the number that the inode has as its owner now; those of owner 0 are XFS's own
 * @param epoch time of XFS's own inodes, in seconds since 1970
 */
export async function setXfsAttributes(
  image: FileHandle,
  attributesOf: (number: number) => XfsAttributes | undefined,
  epoch: number,
): Promise<void> {
  const superblock = await readAt(image, 0, 512);
  const geometry: Geometry = {
    blockSize: superblock.readUInt32BE(SUPERBLOCK.blockSize),
    agBlocks: superblock.readUInt32BE(SUPERBLOCK.agBlocks),
    agCount: superblock.readUInt32BE(SUPERBLOCK.agCount),
    sectorSize: superblock.readUInt16BE(SUPERBLOCK.sectorSize),
    inodeSize: superblock.readUInt16BE(SUPERBLOCK.inodeSize),
  };
  for (let group = 0; group < geometry.agCount; group += 1) {
    const start = group * geometry.agBlocks * geometry.blockSize;
    for await (const record of inodeRecords(image, start, geometry)) {
      const at = start + record.readUInt32BE(0) * geometry.inodeSize;
      const inodes = await readAt(image, at, IN_RECORD * geometry.inodeSize);
      for (const index of usedInodes(record)) {
        const inode = inodes.subarray(index * geometry.inodeSize, (index + 1) * geometry.inodeSize);
        const attributes = attributesOf(inode.readUInt32BE(INODE.uid));
        setAttributes(inode, attributes, attributes?.mtime ?? epoch);
        await image.write(inode, 0, inode.length, at + index * geometry.inodeSize);
      }
    }
  }
}

/** Records of an allocation group's inode B+tree: first inode, hole mask, counts, mask of free inodes. */
async function* inodeRecords(image: FileHandle, start: number, geometry: Geometry): AsyncGenerator<Buffer> {
  const header = await readAt(image, start + AGI.sector * geometry.sectorSize, geometry.sectorSize);
  let block = header.readUInt32BE(AGI.root);
  const read = (): Promise<Buffer> => readAt(image, start + block * geometry.blockSize, geometry.blockSize);
  for (let level = header.readUInt32BE(AGI.level); level > 1; level -= 1) {
    // Of a node: keys of four bytes, as many as fit, then as many pointers; the first leads to the leftmost leaf.
    const most = Math.floor((geometry.blockSize - TREE.header) / 8);
    block = (await read()).readUInt32BE(TREE.header + most * 4);
  }
  for (;;) {
    const leaf = await read();
    const count = leaf.readUInt16BE(TREE.records);
    for (let index = 0; index < count; index += 1) {
      const at = TREE.header + index * TREE.record;
      yield leaf.subarray(at, at + TREE.record);
    }
    const next = leaf.readUInt32BE(12);
    if (next === 0xffffffff) return;
    block = next;
  }
}

function* usedInodes(record: Buffer): Generator<number> {
  const holes = record.readUInt16BE(4);
  const free = record.readBigUInt64BE(8);
  for (let index = 0; index < IN_RECORD; index += 1) {
    const isHole = (holes & (1 << Math.floor(index / PER_HOLE_BIT))) !== 0;
    if (!isHole && (free & (1n << BigInt(index))) === 0n) yield index;
  }
}

function setAttributes(inode: Buffer, attributes: XfsAttributes | undefined, time: number): void {
  if (inode.readUInt16BE(0) !== INODE.magic) throw new Error('an XFS inode is not where it should be');
  if (attributes !== undefined) {
    inode.writeUInt16BE((inode.readUInt16BE(INODE.mode) & 0o170000) | attributes.mode, INODE.mode);
    inode.writeUInt32BE(attributes.uid, INODE.uid);
    inode.writeUInt32BE(attributes.gid, INODE.gid);
  }
  const isBig = (inode.readBigUInt64BE(INODE.flags) & INODE.bigTime) !== 0n;
  // Nanoseconds since 1901, or seconds and nanoseconds of 32 bits each.
  const stamp = isBig ? (BigInt(time) + 2n ** 31n) * 1_000_000_000n : BigInt(time) << 32n;
  for (const at of INODE.times) inode.writeBigUInt64BE(BigInt.asUintN(64, stamp), at);
  inode.writeUInt32LE(0, INODE.checksum);
  inode.writeUInt32LE((crc32c(0xffffffff, inode) ^ 0xffffffff) >>> 0, INODE.checksum);
}
