import { BACKUP_SECTORS, encodeGpt, decodeGpt, PARTITION_TYPES, SECTOR } from './gpt.ts';
import type { DiskWrite, Partition, PartitionTable } from './gpt.ts';

const SIGNATURE = 440;
const ENTRIES = 446;
const ENTRY_SIZE = 16;
const ENTRY_COUNT = 4;
const ACTIVE = 0x80;
/** Types by the GUIDs of a GPT (Linux, include/uapi and the list of fdisk); all others are `linux`. */
const TYPES: Readonly<Record<string, number>> = {
  [PARTITION_TYPES.esp]: 0xef,
  [PARTITION_TYPES.swap]: 0x82,
  [PARTITION_TYPES.lvm]: 0x8e,
};
const LINUX = 0x83;
const PROTECTIVE = 0xee;
/** Cylinder, head and sector of places that have none, as all tools write them today. */
const BEYOND = [0xfe, 0xff, 0xff];

/** Bytes of a disk's partition table, without boot code. */
export function encodeTable(table: PartitionTable): readonly DiskWrite[] {
  return table.scheme === 'mbr' ? [{ offset: 0, bytes: encodeMbr(table) }] : encodeGpt(table);
}

/** Sectors that a table keeps for itself at the end of a disk. */
export function sectorsAtEnd(scheme: 'gpt' | 'mbr'): number {
  return scheme === 'mbr' ? 0 : BACKUP_SECTORS;
}

/** Partitions of a disk from its first 34 sectors, by whichever table it has; undefined when there is none. */
export function decodeTable(start: Buffer): readonly Partition[] | undefined {
  return decodeGpt(start) ?? decodeMbr(start);
}

/** PARTUUID that the kernel and udev give the partition of an MBR. */
export function mbrPartitionUuid(diskUuid: string, number: number): string {
  return `${diskUuid.slice(0, 8)}-${String(number).padStart(2, '0')}`;
}

/** The four entries of a PC's master boot record; the last one, which holds the root, is the active one. */
function encodeMbr(table: PartitionTable): Buffer {
  const mbr = Buffer.alloc(SECTOR);
  mbr.writeUInt32LE(Number.parseInt(table.diskUuid.slice(0, 8), 16), SIGNATURE);
  for (const [index, { type, start, sectors }] of table.partitions.entries()) {
    const at = ENTRIES + index * ENTRY_SIZE;
    const status = index === table.partitions.length - 1 ? ACTIVE : 0;
    mbr.set([status, ...BEYOND, TYPES[type] ?? LINUX, ...BEYOND], at);
    mbr.writeUInt32LE(start, at + 8);
    mbr.writeUInt32LE(sectors, at + 12);
  }
  mbr.writeUInt16LE(0xaa55, 510);
  return mbr;
}

function decodeMbr(start: Buffer): readonly Partition[] | undefined {
  if (start.length < SECTOR || start.readUInt16LE(510) !== 0xaa55) return undefined;
  const signature = start.readUInt32LE(SIGNATURE).toString(16).padStart(8, '0');
  const partitions: Partition[] = [];
  for (let index = 0; index < ENTRY_COUNT; index += 1) {
    const entry = start.subarray(ENTRIES + index * ENTRY_SIZE, ENTRIES + (index + 1) * ENTRY_SIZE);
    const code = entry.readUInt8(4);
    if (code === PROTECTIVE) return undefined;
    if (code === 0) continue;
    const type = Object.keys(TYPES).find((guid) => TYPES[guid] === code) ?? PARTITION_TYPES.linux;
    const uuid = mbrPartitionUuid(signature, index + 1);
    partitions.push({ name: '', type, uuid, start: entry.readUInt32LE(8), sectors: entry.readUInt32LE(12) });
  }
  return partitions.length === 0 ? undefined : partitions;
}
