import { open } from 'node:fs/promises';
import { crc32c } from '../disk/crc32c.ts';

/** Where the superblock begins, and the end of what its checksum covers: the first block. */
const SUPERBLOCK = 1024;
const BLOCK = 4096;
const HAS_CHECKSUM = 1;

/**
 * Sets the build time of an EROFS image (kernel, fs/erofs/erofs_fs.h: checksum at 4, compatible features at 8, seconds
 * at 24, nanoseconds at 32 of the superblock), which mkfs.erofs takes from the clock. Files have times of their own.
 * @param built seconds since 1970
 */
export async function setErofsTime(path: string, built: number): Promise<void> {
  await using file = await open(path, 'r+');
  const block = Buffer.alloc(BLOCK - SUPERBLOCK);
  await file.read(block, 0, block.length, SUPERBLOCK);
  block.writeBigUInt64LE(BigInt(built), 24);
  block.writeUInt32LE(0, 32);
  block.writeUInt32LE(0, 4);
  if ((block.readUInt32LE(8) & HAS_CHECKSUM) !== 0) block.writeUInt32LE(crc32c(0xffffffff, block), 4);
  await file.write(block, 0, block.length, SUPERBLOCK);
}
