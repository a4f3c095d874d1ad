import type { PatchRun } from '../cache/disk-patch.ts';
import { FailureError } from '../diagnostics/failure.ts';
import { alignRanges, mergeRanges, subtractRanges } from '../util/byte-ranges.ts';
import { BACKUP_SECTORS, decodeGpt, encodeGpt, SECTOR } from './disk/gpt.ts';
import { guidText } from './disk/guid.ts';
import { decodeTable } from './disk/mbr.ts';
import { IMAGE_BLOCK, ImageReader, type DiskImage } from './disk-image.ts';
import { reading } from './reading.ts';

/** Sectors before the first partition: protective MBR, header and 32 sectors of entries. */
const TABLE_SECTORS = 34;
/** Code of the boot loader in the first sector, before the protective MBR's own fields. */
const BOOT_CODE = 440;

/**
 * A disk made larger: its end becomes free space after the last partition, a GPT's backup table moves there. Partitions
 * and their content stay as they are; the root file system grows on the first boot.
 * @param size bytes, a multiple of 4096, not less than the disk has
 * @throws FailureError `export-failed` when the disk cannot be read or has no partition table
 */
export async function grownDisk(image: DiskImage, size: number): Promise<DiskImage> {
  if (size === image.size) return image;
  await using reader = await reading(() => ImageReader.open(image));
  const read = async (start: number, end: number): Promise<Buffer> => {
    const bytes = Buffer.alloc(end - start);
    await reading(() => reader.read(bytes, start));
    return bytes;
  };
  const first = await read(0, TABLE_SECTORS * SECTOR);
  const grown = { ...image, size, baseSize: image.baseSize ?? image.size };
  const partitions = decodeGpt(first);
  // An MBR has nothing at the disk's end.
  if (partitions === undefined && decodeTable(first) !== undefined) return grown;
  if (partitions === undefined) {
    throw new FailureError({ reason: 'export-failed', message: 'the disk has no partition table' });
  }
  const diskUuid = guidText(first.subarray(SECTOR + 56, SECTOR + 72));
  const backup = BACKUP_SECTORS * SECTOR;
  const changes: PatchRun[] = [{ offset: image.size - backup, bytes: Buffer.alloc(backup) }];
  for (const { offset, bytes } of encodeGpt({ diskUuid, diskSectors: size / SECTOR, partitions })) {
    if (offset === 0) first.copy(bytes, 0, 0, BOOT_CODE);
    changes.push({ offset, bytes });
  }
  const changed = alignRanges(
    mergeRanges(changes.map(({ offset, bytes }) => ({ start: offset, end: offset + bytes.length }))),
    IMAGE_BLOCK,
  );
  const patch: PatchRun[] = image.patch.flatMap((run) =>
    subtractRanges([{ start: run.offset, end: run.offset + run.bytes.length }], changed).map(
      ({ start, end }) => ({
        offset: start,
        bytes: run.bytes.subarray(start - run.offset, end - run.offset),
      }),
    ),
  );
  for (const { start, end } of changed) {
    const bytes = await read(start, end);
    for (const change of changes) {
      if (change.offset >= start && change.offset < end) change.bytes.copy(bytes, change.offset - start);
    }
    patch.push({ offset: start, bytes });
  }
  return { ...grown, patch: patch.toSorted((a, b) => a.offset - b.offset) };
}
