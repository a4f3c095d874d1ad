import { mergeRanges, subtractRanges, type ByteRange } from '../../util/byte-ranges.ts';
import type { FileSystemView } from './ext4-folders.ts';
import { backupGroups, readAt, type BlockGroup } from './ext4-geometry.ts';

/**
 * Where the file system says what it holds: super blocks and their copies, group descriptors, bitmaps and the used part
 * of the inode tables. Bytes from the start of the disk file.
 */
export function metadataRanges({ offset, geometry, groups }: FileSystemView): ByteRange[] {
  const { blockSize, inodeSize, firstDataBlock, blocksPerGroup, descriptorBlocks } = geometry;
  const range = (block: number, count: number): ByteRange => {
    const start = offset + block * blockSize;
    return { start, end: start + count * blockSize };
  };
  return mergeRanges([
    range(0, firstDataBlock + 1 + descriptorBlocks),
    ...backupGroups(geometry.groups).map((group) => range(firstDataBlock + group * blocksPerGroup, 1)),
    ...groups.flatMap((group) => [
      range(group.blockBitmap, 1),
      range(group.inodeBitmap, 1),
      range(group.inodeTable, Math.ceil((group.usedInodes * inodeSize) / blockSize)),
    ]),
  ]);
}

/**
 * Blocks that `after` uses and `before`, an earlier state of the same file system, did not; without those that are
 * metadata by their place, which a group's bitmap names only once it is written.
 */
export async function newlyUsed(before: FileSystemView, after: FileSystemView): Promise<ByteRange[]> {
  const { geometry, offset } = after;
  const found: ByteRange[] = [];
  for (const [index, group] of after.groups.entries()) {
    const previous = before.groups[index];
    if (previous === undefined || group.hasNoBlockBitmap) continue;
    const old = previous.hasNoBlockBitmap ? undefined : await readBitmap(before, previous);
    const bitmap = await readBitmap(after, group);
    if (old?.equals(bitmap) === true) continue;
    const first = geometry.firstDataBlock + index * geometry.blocksPerGroup;
    const count = Math.min(geometry.blocksPerGroup, geometry.blocks - first);
    for (const { start, end } of addedBits(old, bitmap, count)) {
      found.push({
        start: offset + (first + start) * geometry.blockSize,
        end: offset + (first + end) * geometry.blockSize,
      });
    }
  }
  return subtractRanges(mergeRanges(found), fixedRanges(after));
}

async function readBitmap({ disk, offset, geometry }: FileSystemView, group: BlockGroup): Promise<Buffer> {
  return await readAt(disk, offset + group.blockBitmap * geometry.blockSize, geometry.blocksPerGroup / 8);
}

function addedBits(old: Buffer | undefined, bitmap: Buffer, count: number): ByteRange[] {
  const added: { start: number; end: number }[] = [];
  for (let bit = 0; bit < count; bit += 1) {
    const fresh = bitmap.readUInt8(bit >>> 3) & ~(old?.readUInt8(bit >>> 3) ?? 0);
    if ((fresh & (1 << (bit & 7))) === 0) continue;
    const last = added.at(-1);
    if (last?.end === bit) last.end += 1;
    else added.push({ start: bit, end: bit + 1 });
  }
  return added;
}

/** Blocks whose use is fixed when the file system is made. */
function fixedRanges({ offset, geometry, groups }: FileSystemView): ByteRange[] {
  const { blockSize, firstDataBlock, blocksPerGroup, descriptorBlocks, reservedDescriptorBlocks } = geometry;
  const range = (block: number, count: number): ByteRange => {
    const start = offset + block * blockSize;
    return { start, end: start + count * blockSize };
  };
  const tableBlocks = Math.ceil((geometry.inodesPerGroup * geometry.inodeSize) / blockSize);
  const copyBlocks = 1 + descriptorBlocks + reservedDescriptorBlocks;
  return mergeRanges([
    ...[0, ...backupGroups(geometry.groups)].map((group) =>
      range(firstDataBlock + group * blocksPerGroup, copyBlocks),
    ),
    ...groups.flatMap((group) => [
      range(group.blockBitmap, 1),
      range(group.inodeBitmap, 1),
      range(group.inodeTable, tableBlocks),
    ]),
  ]);
}
