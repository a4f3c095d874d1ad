import { describe, expect, it } from 'vitest';
import { PARTITION_TYPES } from '../../../src/exporters/disk/gpt.ts';
import { decodeTable, encodeTable, mbrPartitionUuid } from '../../../src/exporters/disk/mbr.ts';

const diskUuid = '0a0b0c0d-0000-8000-8000-000000000000';
const partition = (number: number, type: string, start: number) => {
  return { name: '', type, uuid: mbrPartitionUuid(diskUuid, number), start, sectors: 2048 };
};
const table = {
  scheme: 'mbr',
  diskUuid,
  diskSectors: 16384,
  partitions: [
    partition(1, PARTITION_TYPES.esp, 2048),
    partition(2, PARTITION_TYPES.swap, 4096),
    partition(3, PARTITION_TYPES.linux, 6144),
  ],
} as const;

function firstSectors(): Buffer {
  const start = Buffer.alloc(34 * 512);
  for (const { offset, bytes } of encodeTable(table)) bytes.copy(start, offset);
  return start;
}

describe('the partition table of an MBR disk', () => {
  it('is read as it was written, with the PARTUUIDs of the kernel', () => {
    expect(decodeTable(firstSectors())).toEqual(table.partitions);
    expect(table.partitions[0].uuid).toBe('0a0b0c0d-01');
  });

  it('leaves the boot code alone and has one active partition, the last', () => {
    const start = firstSectors();
    expect(start.subarray(0, 440).every((byte) => byte === 0)).toBe(true);
    expect([446, 462, 478, 494].map((at) => start[at])).toEqual([0, 0, 0x80, 0]);
  });

  it('is not seen in a disk without one, nor in the protective MBR of a broken GPT', () => {
    expect(decodeTable(Buffer.alloc(34 * 512))).toBeUndefined();
    expect(decodeTable(Buffer.alloc(0))).toBeUndefined();
    const start = firstSectors();
    start[446 + 4] = 0xee;
    expect(decodeTable(start)).toBeUndefined();
  });
});
