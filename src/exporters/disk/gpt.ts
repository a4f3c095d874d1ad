import { crc32 } from 'node:zlib';
import { guidBytes, guidText } from './guid.ts';

/** Bytes of one logical block; every disk imgpipe makes has 512-byte sectors. */
export const SECTOR = 512;

/** Sectors at the end of a disk that the backup table takes: 32 of entries and 1 header. */
export const BACKUP_SECTORS = 33;

const ENTRY_COUNT = 128;
const ENTRY_SIZE = 128;
const FIRST_USABLE = 34;

/** Partition types (UEFI spec, table 5.7, and the Discoverable Partitions Specification). */
export const PARTITION_TYPES = {
  biosBoot: '21686148-6449-6e6f-744e-656564454649',
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  swap: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  boot: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  home: '933ac7e1-2eb4-4f13-b844-0e14e2aef915',
  serverData: '3b8f8425-20e0-4f3b-907f-1a25a76f98e8',
  rootAmd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  rootArm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  rootI386: '44479540-f297-41b2-9af7-d131d5f0458a',
  lvm: 'e6d6d379-f507-44c2-a23c-238f2a3df928',
} as const;

/** A partition, or a logical volume that lies in one piece inside one. */
export interface Partition {
  readonly name: string;
  /** Type GUID in text form; of a logical volume empty. */
  readonly type: string;
  /**
   * The partition's own identifier (PARTUUID) in text form: a GUID, or with an MBR `<disk's signature>-<number>`; of a
   * logical volume LVM's.
   */
  readonly uuid: string;
  /** First sector. */
  readonly start: number;
  /** Number of sectors. */
  readonly sectors: number;
  /** Of a logical volume: the device that a running system has for it. */
  readonly device?: string;
}

export interface PartitionTable {
  /** Default: a GPT. */
  readonly scheme?: 'mbr';
  /** An MBR has its first four bytes only, as the disk's signature. */
  readonly diskUuid: string;
  /** Sectors of the whole disk. */
  readonly diskSectors: number;
  readonly partitions: readonly Partition[];
}

/** Bytes to be written at an offset of the disk. */
export interface DiskWrite {
  readonly offset: number;
  readonly bytes: Buffer;
}

/** Protective MBR, table and backup table of a GPT disk (UEFI spec 2.10, chapter 5.3), as two runs of bytes. */
export function encodeGpt(table: PartitionTable): readonly DiskWrite[] {
  const entries = Buffer.alloc(ENTRY_COUNT * ENTRY_SIZE);
  table.partitions.forEach((partition, index) => encodeEntry(partition).copy(entries, index * ENTRY_SIZE));
  const last = table.diskSectors - 1;
  const backupEntries = table.diskSectors - BACKUP_SECTORS;
  const primary = encodeHeader(table, entries, { at: 1, other: last, entries: 2 });
  const backup = encodeHeader(table, entries, { at: last, other: 1, entries: backupEntries });
  return [
    { offset: 0, bytes: Buffer.concat([protectiveMbr(table.diskSectors), primary, entries]) },
    { offset: backupEntries * SECTOR, bytes: Buffer.concat([entries, backup]) },
  ];
}

function encodeEntry(partition: Partition): Buffer {
  const entry = Buffer.alloc(ENTRY_SIZE);
  guidBytes(partition.type).copy(entry, 0);
  guidBytes(partition.uuid).copy(entry, 16);
  entry.writeBigUInt64LE(BigInt(partition.start), 32);
  entry.writeBigUInt64LE(BigInt(partition.start + partition.sectors - 1), 40);
  entry.write(partition.name.slice(0, 36), 56, 'utf16le');
  return entry;
}

function encodeHeader(
  table: PartitionTable,
  entries: Buffer,
  place: { at: number; other: number; entries: number },
): Buffer {
  const header = Buffer.alloc(SECTOR);
  header.write('EFI PART', 0, 'latin1');
  header.writeUInt32LE(0x00010000, 8);
  header.writeUInt32LE(92, 12);
  header.writeBigUInt64LE(BigInt(place.at), 24);
  header.writeBigUInt64LE(BigInt(place.other), 32);
  header.writeBigUInt64LE(BigInt(FIRST_USABLE), 40);
  header.writeBigUInt64LE(BigInt(table.diskSectors - BACKUP_SECTORS - 1), 48);
  guidBytes(table.diskUuid).copy(header, 56);
  header.writeBigUInt64LE(BigInt(place.entries), 72);
  header.writeUInt32LE(ENTRY_COUNT, 80);
  header.writeUInt32LE(ENTRY_SIZE, 84);
  header.writeUInt32LE(crc32(entries), 88);
  // The header's own checksum is taken with its field at zero.
  header.writeUInt32LE(crc32(header.subarray(0, 92)), 16);
  return header;
}

/** MBR with one entry of type EE over the whole disk, so that old tools see it as taken. */
function protectiveMbr(diskSectors: number): Buffer {
  const mbr = Buffer.alloc(SECTOR);
  mbr.set([0x00, 0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff], 446);
  mbr.writeUInt32LE(1, 454);
  mbr.writeUInt32LE(Math.min(diskSectors - 1, 0xffffffff), 458);
  mbr.writeUInt16LE(0xaa55, 510);
  return mbr;
}

/**
 * Partitions of a GPT disk, from its first 34 sectors.
 * @returns undefined when they do not hold a whole, undamaged table
 */
export function decodeGpt(start: Buffer): readonly Partition[] | undefined {
  const header = start.subarray(SECTOR, SECTOR * 2);
  if (header.length < SECTOR || header.toString('latin1', 0, 8) !== 'EFI PART') return undefined;
  const checked = Buffer.from(header.subarray(0, 92));
  checked.writeUInt32LE(0, 16);
  if (crc32(checked) !== header.readUInt32LE(16)) return undefined;
  const size = header.readUInt32LE(84);
  const first = Number(header.readBigUInt64LE(72)) * SECTOR;
  const entries = start.subarray(first, first + size * header.readUInt32LE(80));
  if (crc32(entries) !== header.readUInt32LE(88)) return undefined;
  const partitions: Partition[] = [];
  for (let at = 0; at + size <= entries.length; at += size) {
    const entry = entries.subarray(at, at + size);
    if (entry.subarray(0, 16).every((byte) => byte === 0)) continue;
    const firstSector = Number(entry.readBigUInt64LE(32));
    partitions.push({
      type: guidText(entry.subarray(0, 16)),
      uuid: guidText(entry.subarray(16, 32)),
      start: firstSector,
      sectors: Number(entry.readBigUInt64LE(40)) - firstSector + 1,
      name: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
    });
  }
  return partitions;
}
