import type { DiskImage } from '../disk-image.ts';
import type { FilePart } from '../write-image.ts';
import { imageBlocks, wholeImage } from './image-blocks.ts';

const SECTOR = 512;
const FOOTER = 512;
const DYNAMIC_HEADER = 1024;
const BLOCK = 2 * 2 ** 20;
/** Stands in tables and headers for: nothing there. */
const NOWHERE = 0xffff_ffff;
/** 2000-01-01 00:00 UTC, from which VHD counts, in seconds since 1970. */
const VHD_EPOCH = 946_684_800;

export interface VhdRequest {
  readonly image: DiskImage;
  readonly allocation: 'dynamic' | 'fixed';
  /** Unique id in text form. */
  readonly uuid: string;
  /** Seconds since 1970. */
  readonly created: number;
}

/**
 * A VHD file (Virtual Hard Disk Image Format Specification 1.0, all numbers big-endian). Fixed: the disk, then the footer.
 * Dynamic: copy of the footer, header, table, blocks of 2 MiB after their bitmaps of used sectors, footer.
 */
export function layoutVhd(request: VhdRequest): readonly FilePart[] {
  const { image, allocation } = request;
  const footer = encodeFooter(request);
  if (allocation === 'fixed') {
    return [...wholeImage(image), { type: 'bytes', bytes: footer }];
  }
  const blocks = imageBlocks(image, BLOCK, false);
  const tableBytes = Math.ceil((blocks.count * 4) / SECTOR) * SECTOR;
  const tableAt = FOOTER + DYNAMIC_HEADER;
  const table = Buffer.alloc(tableBytes, 0xff);
  const firstSector = (tableAt + tableBytes) / SECTOR;
  const blockSectors = (SECTOR + BLOCK) / SECTOR;
  for (const [place, block] of blocks.held.entries()) {
    table.writeUInt32BE(firstSector + place * blockSectors, block * 4);
  }
  const bitmap = Buffer.alloc(SECTOR, 0xff);
  return [
    { type: 'bytes', bytes: Buffer.concat([footer, encodeDynamicHeader(tableAt, blocks.count), table]) },
    ...blocks.held.flatMap((block): FilePart[] => [
      { type: 'bytes', bytes: bitmap },
      ...blocks.partsOf(block),
    ]),
    { type: 'bytes', bytes: footer },
  ];
}

function encodeFooter({ image, allocation, uuid, created }: VhdRequest): Buffer {
  const footer = Buffer.alloc(FOOTER);
  footer.write('conectix', 0, 'latin1');
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x00010000, 12);
  if (allocation === 'dynamic') footer.writeBigUInt64BE(BigInt(FOOTER), 16);
  else footer.writeBigUInt64BE(2n ** 64n - 1n, 16);
  footer.writeUInt32BE(Math.max(0, created - VHD_EPOCH), 24);
  // With this creator QEMU takes the size from below, and not from the rounded geometry.
  footer.write('win ', 28, 'latin1');
  footer.writeUInt32BE(0x000a0000, 32);
  footer.write('Wi2k', 36, 'latin1');
  footer.writeBigUInt64BE(BigInt(image.size), 40);
  footer.writeBigUInt64BE(BigInt(image.size), 48);
  encodeGeometry(footer, image.size / SECTOR);
  footer.writeUInt32BE(allocation === 'fixed' ? 2 : 3, 60);
  footer.write(uuid.replaceAll('-', ''), 68, 'hex');
  footer.writeUInt32BE(checksum(footer), 64);
  return footer;
}

function encodeDynamicHeader(tableAt: number, blocks: number): Buffer {
  const header = Buffer.alloc(DYNAMIC_HEADER);
  header.write('cxsparse', 0, 'latin1');
  header.writeUInt32BE(NOWHERE, 8);
  header.writeUInt32BE(NOWHERE, 12);
  header.writeBigUInt64BE(BigInt(tableAt), 16);
  header.writeUInt32BE(0x00010000, 24);
  header.writeUInt32BE(blocks, 28);
  header.writeUInt32BE(BLOCK, 32);
  header.writeUInt32BE(checksum(header), 36);
  return header;
}

/** Cylinders, heads and sectors by the rule of the specification's appendix, "CHS Calculation". */
function encodeGeometry(footer: Buffer, diskSectors: number): void {
  const sectors = Math.min(diskSectors, 65535 * 16 * 255);
  let perTrack = 255;
  let heads = 16;
  let tracks = Math.floor(sectors / perTrack);
  if (sectors < 65535 * 16 * 63) {
    perTrack = 17;
    tracks = Math.floor(sectors / perTrack);
    heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
    if (tracks >= heads * 1024 || heads > 16) {
      perTrack = 31;
      heads = 16;
      tracks = Math.floor(sectors / perTrack);
    }
    if (tracks >= heads * 1024) {
      perTrack = 63;
      heads = 16;
      tracks = Math.floor(sectors / perTrack);
    }
  }
  footer.writeUInt16BE(Math.floor(tracks / heads), 56);
  footer.writeUInt8(heads, 58);
  footer.writeUInt8(perTrack, 59);
}

/** One's complement of the sum of all bytes, with the checksum's own field at zero. */
function checksum(bytes: Uint8Array): number {
  return ~bytes.reduce((sum, byte) => sum + byte, 0) >>> 0;
}
