import { crc32 } from 'node:zlib';
import { SECTOR, type DiskWrite } from './gpt.ts';
import { hyphenatedLvmId } from './guid.ts';
import { lvmMetadata } from './lvm-metadata.ts';
import type { VolumeGroup } from './volume-group.ts';

/*
 * What lies on a physical volume before its data, in bytes (lvm2, lib/label/label.h and lib/format_text/layout.h):
 *
 *      512  label: "LABELONE", number of its sector, checksum of what follows, offset of the header, "LVM2 001"
 *      544  header: identifier, size, list of data areas, list of metadata areas, each ended by an empty one, extension
 *     4096  metadata area's header: checksum of what follows, magic, version, its place, up to four places of texts
 *     4608  text of the group's metadata, ended by a zero; LVM writes the next one behind it, in a ring
 *  1048576  data: the extents
 */
const LABEL = SECTOR;
const HEADER = 32;
const AREA = 4096;
const TEXT = 512;
/** Bytes before the data. */
export const LVM_DATA_START = 2 ** 20;

/** Metadata areas of others can be larger than ours; nobody makes them larger than this. */
const LARGEST_AREA = 2 ** 26;

const MAGIC = ' LVM2 x[5A%r0N*>';
/** LVM's checksums are CRC-32 begun with this value, and not inverted at the end. */
const CHECKSUM_START = 0xf597a6cf;
/** Of the header's extension: version, and the flag of a volume that belongs to a group. */
const EXTENSION_VERSION = 2;
const EXTENSION_USED = 1;

/**
 * All that makes a partition the one physical volume of a group, but for the content of its logical volumes.
 * @param epoch seconds since 1970
 */
export function encodeVolumeGroup(group: VolumeGroup, epoch: number): DiskWrite {
  const text = Buffer.from(`${lvmMetadata(group, epoch)}\0`, 'latin1');
  const areaBytes = LVM_DATA_START - AREA;
  // LVM keeps two texts in the area whenever it writes one.
  if (TEXT + 2 * text.length > areaBytes) throw new Error('the metadata of the volume group is too long');
  const bytes = Buffer.alloc(AREA + TEXT + text.length);
  encodeLabel(group).copy(bytes, LABEL);
  const header = bytes.subarray(AREA, AREA + TEXT);
  header.write(MAGIC, 4, 'latin1');
  header.writeUInt32LE(1, 20);
  writeNumbers(header, 24, [AREA, areaBytes, TEXT, text.length]);
  header.writeUInt32LE(lvmChecksum(text), 56);
  header.writeUInt32LE(lvmChecksum(header.subarray(4)), 0);
  text.copy(bytes, AREA + TEXT);
  return { offset: group.partition.start * SECTOR, bytes };
}

function encodeLabel({ physicalId, partition }: VolumeGroup): Buffer {
  const label = Buffer.alloc(SECTOR);
  label.write('LABELONE', 0, 'latin1');
  writeNumbers(label, 8, [LABEL / SECTOR]);
  label.writeUInt32LE(HEADER, 20);
  label.write('LVM2 001', 24, 'latin1');
  label.write(physicalId.replaceAll('-', ''), HEADER, 'latin1');
  const dataAreas = [LVM_DATA_START, 0, 0, 0];
  const metadataAreas = [AREA, LVM_DATA_START - AREA, 0, 0];
  writeNumbers(label, HEADER + 32, [partition.sectors * SECTOR, ...dataAreas, ...metadataAreas]);
  label.writeUInt32LE(EXTENSION_VERSION, HEADER + 104);
  label.writeUInt32LE(EXTENSION_USED, HEADER + 108);
  label.writeUInt32LE(lvmChecksum(label.subarray(20)), 16);
  return label;
}

function writeNumbers(buffer: Buffer, at: number, numbers: readonly number[]): void {
  numbers.forEach((number, index) => buffer.writeBigUInt64LE(BigInt(number), at + index * 8));
}

/** `crc32` of zlib inverts the value it begins with and the one it gives; LVM does neither. */
export function lvmChecksum(bytes: Buffer): number {
  return (crc32(bytes, ~CHECKSUM_START >>> 0) ^ 0xffffffff) >>> 0;
}

/** A physical volume, as its label tells it. */
export interface PhysicalVolume {
  /** Its identifier, with hyphens. */
  readonly id: string;
  /** The first metadata area, in bytes from the volume's beginning. */
  readonly area: { readonly offset: number; readonly size: number };
}

/**
 * The physical volume whose label lies in one of these sectors, the first ones of a partition.
 * @returns undefined when there is none, or one without metadata of its own
 */
export function decodeLabel(sectors: Buffer): PhysicalVolume | undefined {
  for (let at = 0; at + SECTOR <= sectors.length; at += SECTOR) {
    const label = sectors.subarray(at, at + SECTOR);
    if (label.toString('latin1', 0, 8) !== 'LABELONE' || label.toString('latin1', 24, 32) !== 'LVM2 001')
      continue;
    if (lvmChecksum(label.subarray(20)) !== label.readUInt32LE(16)) continue;
    const header = label.readUInt32LE(20);
    const numbers: number[] = [];
    for (let place = header + 40; place + 8 <= SECTOR; place += 8)
      numbers.push(Number(label.readBigUInt64LE(place)));
    // Pairs of offset and size: data areas to the first offset of zero, then metadata areas.
    const afterData = numbers.findIndex((number, index) => index % 2 === 0 && number === 0) + 2;
    const [offset = 0, size = 0] = afterData < 2 ? [] : numbers.slice(afterData);
    if (offset === 0 || size > LARGEST_AREA) return undefined;
    const id = label.toString('latin1', header, header + 32);
    return { id: hyphenatedLvmId(id), area: { offset, size } };
  }
  return undefined;
}

/**
 * Where the metadata in force lies in an area, in bytes from the area's beginning, by its header.
 * @returns undefined when the header is damaged or has none
 */
export function decodeArea(
  header: Buffer,
): { readonly offset: number; readonly size: number; readonly checksum: number } | undefined {
  if (header.toString('latin1', 4, 20) !== MAGIC) return undefined;
  if (lvmChecksum(header.subarray(4)) !== header.readUInt32LE(0)) return undefined;
  const offset = Number(header.readBigUInt64LE(40));
  const size = Number(header.readBigUInt64LE(48));
  return offset === 0 ? undefined : { offset, size, checksum: header.readUInt32LE(56) };
}
