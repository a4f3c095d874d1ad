import { open } from 'node:fs/promises';
import { FailureError } from '../diagnostics/failure.ts';
import { BACKUP_SECTORS, decodeGpt, encodeGpt, SECTOR } from './disk/gpt.ts';
import { guidText } from './disk/guid.ts';
import { decodeTable } from './disk/mbr.ts';

/** Sectors before the first partition: protective MBR, header and 32 sectors of entries. */
const TABLE_SECTORS = 34;
/** Code of the boot loader in the first sector, before the protective MBR's own fields. */
const BOOT_CODE = 440;

/**
 * Makes a raw disk larger: its end becomes free space after the last partition, a GPT's backup table moves there.
 * Partitions and their content stay as they are; the root file system grows on the first boot.
 * @param path a file of our own, written in place
 */
export async function growDisk(path: string, size: number): Promise<void> {
  await using file = await open(path, 'r+');
  const { size: before } = await file.stat();
  const start = Buffer.alloc(TABLE_SECTORS * SECTOR);
  await file.read(start, 0, start.length, 0);
  const partitions = decodeGpt(start);
  // An MBR has nothing at the disk's end.
  if (partitions === undefined && decodeTable(start) !== undefined) return await file.truncate(size);
  if (partitions === undefined) {
    throw new FailureError({ reason: 'export-failed', message: 'the disk has no partition table' });
  }
  const diskUuid = guidText(start.subarray(SECTOR + 56, SECTOR + 72));
  const backup = BACKUP_SECTORS * SECTOR;
  await file.write(Buffer.alloc(backup), 0, backup, before - backup);
  await file.truncate(size);
  for (const { offset, bytes } of encodeGpt({ diskUuid, diskSectors: size / SECTOR, partitions })) {
    if (offset === 0) start.copy(bytes, 0, 0, BOOT_CODE);
    await file.write(bytes, 0, bytes.length, offset);
  }
}
