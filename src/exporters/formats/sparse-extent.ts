import type { DiskImage } from '../disk-image.ts';
import type { FilePart } from '../write-image.ts';
import { imageBlocks } from './image-blocks.ts';

const SECTOR = 512;
const GRAIN = 65536;
const GRAIN_SECTORS = GRAIN / SECTOR;
const TABLE_ENTRIES = 512;
const TABLE_SECTORS = (TABLE_ENTRIES * 4) / SECTOR;
const DESCRIPTOR_AT = 1;
const DESCRIPTOR_SECTORS = 20;
/** Line ends can be recognised, and there is a second copy of the tables. */
const FLAGS = 0b11;

/**
 * A monolithic sparse VMDK (VMware Virtual Disk Format 1.1, "Hosted Sparse Extents"): header, descriptor, spare directory
 * and tables, directory and tables, and from a whole grain on the grains in the disk's order. Numbers are little-endian.
 */
export function layoutSparseExtent(image: DiskImage, descriptor: string): readonly FilePart[] {
  const grains = imageBlocks(image, GRAIN, false);
  const tables = Math.ceil(grains.count / TABLE_ENTRIES);
  const directorySectors = Math.ceil((tables * 4) / SECTOR);
  const copySectors = directorySectors + tables * TABLE_SECTORS;
  const spareAt = DESCRIPTOR_AT + DESCRIPTOR_SECTORS;
  const directoryAt = spareAt + copySectors;
  const firstGrain = Math.ceil((directoryAt + copySectors) / GRAIN_SECTORS) * GRAIN_SECTORS;
  const head = Buffer.alloc(spareAt * SECTOR);
  head.write('KDMV', 0, 'latin1');
  head.writeUInt32LE(1, 4);
  head.writeUInt32LE(FLAGS, 8);
  const numbers = [
    [12, Math.ceil(image.size / SECTOR)],
    [20, GRAIN_SECTORS],
    [28, DESCRIPTOR_AT],
    [36, DESCRIPTOR_SECTORS],
    [48, spareAt],
    [56, directoryAt],
    [64, firstGrain],
  ] as const;
  for (const [at, value] of numbers) head.writeBigUInt64LE(BigInt(value), at);
  head.writeUInt32LE(TABLE_ENTRIES, 44);
  // Changed where the file went through a transfer as text.
  head.write('\n \r\n', 73, 'latin1');
  head.write(descriptor, DESCRIPTOR_AT * SECTOR);
  const places = new Map(grains.held.map((grain, place) => [grain, firstGrain + place * GRAIN_SECTORS]));
  const tableParts = tablesOf(places, tables);
  const directory = (at: number): FilePart => {
    const bytes = Buffer.alloc(directorySectors * SECTOR);
    for (let table = 0; table < tables; table += 1)
      bytes.writeUInt32LE(at + directorySectors + table * TABLE_SECTORS, table * 4);
    return { type: 'bytes', bytes };
  };
  return [
    { type: 'bytes', bytes: head },
    directory(spareAt),
    ...tableParts,
    directory(directoryAt),
    ...tableParts,
    { type: 'zeros', length: (firstGrain - directoryAt - copySectors) * SECTOR },
    ...grains.held.flatMap(grains.partsOf),
  ];
}

/**
 * All tables one after the other, those without grains left out as zeros: of a disk of terabytes they are nearly all.
 * @param places sectors of the file by number of the grain, ascending
 */
function tablesOf(places: ReadonlyMap<number, number>, count: number): FilePart[] {
  const used = new Map<number, Buffer>();
  for (const [grain, place] of places) {
    const index = Math.floor(grain / TABLE_ENTRIES);
    const table = used.get(index) ?? Buffer.alloc(TABLE_SECTORS * SECTOR);
    table.writeUInt32LE(place, (grain % TABLE_ENTRIES) * 4);
    used.set(index, table);
  }
  const parts: FilePart[] = [];
  let next = 0;
  for (const [index, bytes] of [...used, [count, undefined] as const]) {
    parts.push({ type: 'zeros', length: (index - next) * TABLE_SECTORS * SECTOR });
    if (bytes !== undefined) parts.push({ type: 'bytes', bytes });
    next = index + 1;
  }
  return parts;
}
