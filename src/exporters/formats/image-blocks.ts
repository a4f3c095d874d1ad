import { alignRanges, type ByteRange } from '../../util/byte-ranges.ts';
import { dataOf, type DiskImage } from '../disk-image.ts';
import type { FilePart } from '../write-image.ts';

/** Holes of fewer bytes than this would only split a file. */
const PIECE = 65536;

/** A disk cut into blocks of one size, of which a file holds those with data, or all. */
export interface ImageBlocks {
  /** Number of blocks of the whole disk; the last may end after it. */
  readonly count: number;
  /** Numbers of the blocks that the file holds, ascending. */
  readonly held: readonly number[];
  /** The bytes of one block. */
  readonly partsOf: (block: number) => readonly FilePart[];
}

/**
 * @param size bytes of a block, a power of two from 64 KiB
 * @param holdsAll whether blocks without data have a place in the file too
 */
export function imageBlocks(image: DiskImage, size: number, holdsAll: boolean): ImageBlocks {
  const count = Math.ceil(image.size / size);
  const data = alignRanges(dataOf(image), PIECE);
  const pieces = new Map<number, ByteRange[]>();
  for (const { start, end } of data) {
    for (let at = start; at < end;) {
      const block = Math.floor(at / size);
      const next = Math.min(end, (block + 1) * size);
      const known = pieces.get(block);
      if (known === undefined) pieces.set(block, [{ start: at, end: next }]);
      else known.push({ start: at, end: next });
      at = next;
    }
  }
  const held = holdsAll ? Array.from({ length: count }, (_, block) => block) : [...pieces.keys()];
  return { count, held, partsOf: (block) => fill(pieces.get(block) ?? [], block * size, (block + 1) * size) };
}

/** All bytes of a disk, its holes as zeros. */
export function wholeImage(image: DiskImage): readonly FilePart[] {
  return fill(alignRanges(dataOf(image), PIECE), 0, image.size);
}

/** The data and the zeros around it, from `start` to `end`. */
function fill(data: readonly ByteRange[], start: number, end: number): FilePart[] {
  const parts: FilePart[] = [];
  let at = start;
  for (const range of data) {
    const rangeEnd = Math.min(range.end, end);
    if (range.start > at) parts.push({ type: 'zeros', length: range.start - at });
    parts.push({ type: 'disk', start: range.start, end: rangeEnd });
    at = rangeEnd;
  }
  return at < end ? [...parts, { type: 'zeros', length: end - at }] : parts;
}
