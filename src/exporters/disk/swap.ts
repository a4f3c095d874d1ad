import type { FileHandle } from 'node:fs/promises';
import { SECTOR, type Partition } from './gpt.ts';

const PAGE = 4096;

/**
 * Makes a partition a swap area: its first page, as mkswap(8) writes it for pages of 4 KiB (Linux, include/linux/swap.h,
 * `union swap_header`): version, last page, number of bad pages, UUID and label from byte 1024 on, the magic at the end.
 */
export async function writeSwap(disk: FileHandle, partition: Partition, uuid: string): Promise<void> {
  const page = Buffer.alloc(PAGE);
  page.writeUInt32LE(1, 1024);
  page.writeUInt32LE((partition.sectors * SECTOR) / PAGE - 1, 1028);
  Buffer.from(uuid.replaceAll('-', ''), 'hex').copy(page, 1036);
  page.write('swap', 1052);
  page.write('SWAPSPACE2', PAGE - 10);
  await disk.write(page, 0, PAGE, partition.start * SECTOR);
}
