import { crc32c } from '../disk/crc32c.ts';
import { guidBytes } from '../disk/guid.ts';
import type { DiskImage } from '../disk-image.ts';
import type { FilePart } from '../write-image.ts';
import { imageBlocks } from './image-blocks.ts';

const MIB = 2 ** 20;
const KIB = 1024;
const BLOCK = 8 * MIB;
const SECTOR = 512;
/** Payload blocks whose sectors one bitmap block would map ([MS-VHDX] 2.5): 2^23 sectors. */
const CHUNK_BLOCKS = (2 ** 23 * SECTOR) / BLOCK;
/** Places of the file's parts: identifier, two headers, two region tables, log, metadata, block allocation table. */
const HEADERS = [64 * KIB, 128 * KIB] as const;
const REGION_TABLES = [192 * KIB, 256 * KIB] as const;
const LOG = { at: MIB, length: MIB } as const;
const METADATA = { at: 2 * MIB, length: MIB } as const;
const TABLE_AT = 3 * MIB;
const REGION_TABLE_SIZE = 64 * KIB;
const HEADER_SIZE = 4096;
const GUIDS = {
  table: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  diskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  page83: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
} as const;
const FULLY_PRESENT = 6;
const REQUIRED = 4;
const OF_DISK = 2;

/** The identifiers of a VHDX, in text form. */
export interface VhdxIdentity {
  /** Changes whenever the file is written to. */
  readonly fileWrite: string;
  /** Changes whenever the disk's content changes. */
  readonly dataWrite: string;
  /** The SCSI identifier that the guest sees. */
  readonly page83: string;
}

/** A VHDX file without log entries ([MS-VHDX] 2); its blocks of 8 MiB lie in the disk's order. Numbers are little-endian. */
export function layoutVhdx(
  image: DiskImage,
  allocation: 'dynamic' | 'fixed',
  identity: VhdxIdentity,
): readonly FilePart[] {
  const isFixed = allocation === 'fixed';
  const blocks = imageBlocks(image, BLOCK, isFixed);
  const entries = blocks.count + Math.floor((blocks.count - 1) / CHUNK_BLOCKS);
  const tableLength = Math.ceil((entries * 8) / MIB) * MIB;
  const head = Buffer.alloc(TABLE_AT + tableLength);
  head.write('vhdxfile', 0, 'latin1');
  head.write('imgpipe', 8, 'utf16le');
  for (const [index, at] of HEADERS.entries()) encodeHeader(head, at, HEADERS.length - index, identity);
  for (const at of REGION_TABLES) encodeRegions(head, at, tableLength);
  encodeMetadata(head, image.size, isFixed, identity.page83);
  for (const [place, block] of blocks.held.entries()) {
    // After every chunk's entries lies one for its bitmap, which only differencing disks use.
    const entry = block + Math.floor(block / CHUNK_BLOCKS);
    head.writeBigUInt64LE(BigInt(head.length + place * BLOCK) | BigInt(FULLY_PRESENT), TABLE_AT + entry * 8);
  }
  return [{ type: 'bytes', bytes: head }, ...blocks.held.flatMap(blocks.partsOf)];
}

function encodeHeader(head: Buffer, at: number, sequence: number, identity: VhdxIdentity): void {
  head.write('head', at, 'latin1');
  head.writeBigUInt64LE(BigInt(sequence), at + 8);
  guidBytes(identity.fileWrite).copy(head, at + 16);
  guidBytes(identity.dataWrite).copy(head, at + 32);
  head.writeUInt16LE(1, at + 66);
  head.writeUInt32LE(LOG.length, at + 68);
  head.writeBigUInt64LE(BigInt(LOG.at), at + 72);
  head.writeUInt32LE(checksum(head.subarray(at, at + HEADER_SIZE)), at + 4);
}

function encodeRegions(head: Buffer, at: number, tableLength: number): void {
  head.write('regi', at, 'latin1');
  const regions = [
    { guid: GUIDS.table, at: TABLE_AT, length: tableLength },
    { guid: GUIDS.metadata, ...METADATA },
  ];
  head.writeUInt32LE(regions.length, at + 8);
  for (const [index, region] of regions.entries()) {
    const entry = at + 16 + index * 32;
    guidBytes(region.guid).copy(head, entry);
    head.writeBigUInt64LE(BigInt(region.at), entry + 16);
    head.writeUInt32LE(region.length, entry + 24);
    head.writeUInt32LE(1, entry + 28);
  }
  head.writeUInt32LE(checksum(head.subarray(at, at + REGION_TABLE_SIZE)), at + 4);
}

function encodeMetadata(head: Buffer, diskSize: number, isFixed: boolean, page83: string): void {
  const number = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
    return bytes;
  };
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(diskSize));
  const items = [
    { guid: GUIDS.fileParameters, flags: REQUIRED, value: number(BLOCK, isFixed ? 1 : 0) },
    { guid: GUIDS.diskSize, flags: REQUIRED | OF_DISK, value: size },
    { guid: GUIDS.page83, flags: REQUIRED | OF_DISK, value: guidBytes(page83) },
    { guid: GUIDS.logicalSector, flags: REQUIRED | OF_DISK, value: number(SECTOR) },
    { guid: GUIDS.physicalSector, flags: REQUIRED | OF_DISK, value: number(SECTOR) },
  ];
  head.write('metadata', METADATA.at, 'latin1');
  head.writeUInt16LE(items.length, METADATA.at + 10);
  let offset = 64 * KIB;
  for (const [index, { guid, flags, value }] of items.entries()) {
    const entry = METADATA.at + 32 + index * 32;
    guidBytes(guid).copy(head, entry);
    head.writeUInt32LE(offset, entry + 16);
    head.writeUInt32LE(value.length, entry + 20);
    head.writeUInt32LE(flags, entry + 24);
    value.copy(head, METADATA.at + offset);
    offset += value.length;
  }
}

/** CRC-32C of a structure whose own checksum field is zero. */
function checksum(bytes: Buffer): number {
  return (crc32c(0xffffffff, bytes) ^ 0xffffffff) >>> 0;
}
