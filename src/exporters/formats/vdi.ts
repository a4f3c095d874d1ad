import { guidBytes } from '../disk/guid.ts';
import type { DiskImage } from '../disk-image.ts';
import type { FilePart } from '../write-image.ts';
import { imageBlocks } from './image-blocks.ts';

const BLOCK = 2 ** 20;
const HEADER = 512;
/** Length of the header's part that the format's version 1.1 knows, counted from its own field on. */
const HEADER_SIZE = 0x180;

export interface VdiRequest {
  readonly image: DiskImage;
  readonly allocation: 'dynamic' | 'fixed';
  /** Identifiers in text form. VirtualBox refuses two images of one id in its registry. */
  readonly uuid: string;
  readonly snapshotUuid: string;
}

/**
 * A VDI 1.1 file (VirtualBox, src/VBox/Storage/VDICore.h): header, map of blocks, and from a whole MiB on the blocks in the
 * disk's order. All numbers are little-endian.
 */
export function layoutVdi({ image, allocation, uuid, snapshotUuid }: VdiRequest): readonly FilePart[] {
  const blocks = imageBlocks(image, BLOCK, allocation === 'fixed');
  const dataAt = Math.ceil((HEADER + blocks.count * 4) / BLOCK) * BLOCK;
  const head = Buffer.alloc(dataAt);
  head.write('<<< Oracle VM VirtualBox Disk Image >>>\n', 0, 'latin1');
  head.writeUInt32LE(0xbeda107f, 0x40);
  head.writeUInt32LE(0x00010001, 0x44);
  head.writeUInt32LE(HEADER_SIZE, 0x48);
  head.writeUInt32LE(allocation === 'fixed' ? 2 : 1, 0x4c);
  head.writeUInt32LE(HEADER, 0x154);
  head.writeUInt32LE(dataAt, 0x158);
  head.writeUInt32LE(512, 0x168);
  head.writeBigUInt64LE(BigInt(image.size), 0x170);
  head.writeUInt32LE(BLOCK, 0x178);
  head.writeUInt32LE(blocks.count, 0x180);
  head.writeUInt32LE(blocks.held.length, 0x184);
  guidBytes(uuid).copy(head, 0x188);
  guidBytes(snapshotUuid).copy(head, 0x198);
  // All ones: the file does not hold the block.
  head.fill(0xff, HEADER, HEADER + blocks.count * 4);
  for (const [place, block] of blocks.held.entries()) head.writeUInt32LE(place, HEADER + block * 4);
  return [{ type: 'bytes', bytes: head }, ...blocks.held.flatMap(blocks.partsOf)];
}
