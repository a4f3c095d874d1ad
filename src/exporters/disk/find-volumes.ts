import type { FileHandle } from 'node:fs/promises';
import { SECTOR } from './gpt.ts';
import { decodeArea, decodeLabel, lvmChecksum, type PhysicalVolume } from './lvm-area.ts';
import { asLvmList, asLvmSection, isLvmSection, parseLvmText } from './lvm-text.ts';
import { decodeTable } from './mbr.ts';

/** Sectors that hold a partition table. */
const TABLE_SECTORS = 34;
/** Sectors in the first of which LVM looks for its label. */
const LABEL_SECTORS = 4;

/** Sectors of a disk in which a file system may lie. */
export interface Place {
  readonly start: number;
  readonly sectors: number;
}

/**
 * Where the file systems of a raw disk may lie: its partitions, and instead of a physical volume of LVM the logical volumes
 * that are one piece of it.
 * @returns undefined without a partition table
 */
export async function findVolumes(disk: FileHandle): Promise<readonly Place[] | undefined> {
  const partitions = decodeTable(await bytesAt(disk, 0, TABLE_SECTORS * SECTOR));
  if (partitions === undefined) return undefined;
  const places: Place[] = [];
  for (const { start, sectors } of partitions) {
    const physical = decodeLabel(await bytesAt(disk, start * SECTOR, LABEL_SECTORS * SECTOR));
    if (physical === undefined) places.push({ start, sectors });
    else places.push(...(await logicalVolumes(disk, start, physical)));
  }
  return places;
}

async function logicalVolumes(disk: FileHandle, start: number, physical: PhysicalVolume): Promise<Place[]> {
  const { area } = physical;
  const at = start * SECTOR + area.offset;
  const text = decodeArea(await bytesAt(disk, at, SECTOR));
  if (text === undefined || text.size > area.size || text.offset >= area.size) return [];
  // The texts lie in a ring behind the area's header.
  const before = Math.min(text.size, area.size - text.offset);
  const bytes = Buffer.concat([
    await bytesAt(disk, at + text.offset, before),
    await bytesAt(disk, at + SECTOR, text.size - before),
  ]);
  if (lvmChecksum(bytes) !== text.checksum) return [];
  const places = volumesInMetadata(bytes.toString('latin1').replace(/\0.*$/s, ''), physical.id);
  return places.map((place) => ({ start: start + place.start, sectors: place.sectors }));
}

/** Places of logical volumes, counted from the beginning of the physical volume with this identifier. */
function volumesInMetadata(text: string, physicalId: string): Place[] {
  const group = asLvmSection(Object.values(parseLvmText(text) ?? {}).find(isLvmSection));
  const { extent_size: extentSectors } = group;
  const physical = Object.entries(asLvmSection(group['physical_volumes'])).find(
    ([, fields]) => asLvmSection(fields)['id'] === physicalId,
  );
  if (physical === undefined || typeof extentSectors !== 'number') return [];
  const [name, fields] = physical;
  const { pe_start: dataStart } = asLvmSection(fields);
  return Object.values(asLvmSection(group['logical_volumes'])).flatMap((value): Place[] => {
    const volume = asLvmSection(value);
    const { type, stripes, extent_count: extents } = asLvmSection(volume['segment1']);
    const [device, first, ...others] = asLvmList(stripes);
    const isOnePiece = volume['segment_count'] === 1 && type === 'striped' && others.length === 0;
    if (!isOnePiece || device !== name || typeof dataStart !== 'number') return [];
    if (typeof first !== 'number' || typeof extents !== 'number') return [];
    return [{ start: dataStart + first * extentSectors, sectors: extents * extentSectors }];
  });
}

/** Bytes of a disk; what lies behind its end is zeros. */
async function bytesAt(disk: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  await disk.read(buffer, 0, length, position);
  return buffer;
}
