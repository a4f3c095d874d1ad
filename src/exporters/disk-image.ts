import { open, type FileHandle } from 'node:fs/promises';
import type { PatchRun } from '../cache/disk-patch.ts';
import { mergeRanges, subtractRanges, type ByteRange } from '../util/byte-ranges.ts';

/** Smallest piece of a disk that is told apart as data or zeros. */
export const IMAGE_BLOCK = 4096;

/**
 * A finished raw disk as a base file and what differs from it, so that no copy of the base is made. Its bytes are those
 * of the base with the patch written over them.
 */
export interface DiskImage {
  /** Bytes. */
  readonly size: number;
  readonly basePath: string;
  /** Bytes of the base where it is shorter than the disk; zeros follow. */
  readonly baseSize?: number;
  /** Where the base has blocks of 4096 bytes that are not all zero: exactly those, ascending and merged. */
  readonly baseData: readonly ByteRange[];
  /** Ascending; whole blocks. */
  readonly patch: readonly PatchRun[];
}

/** Bytes that are read at a time. */
const READ_AHEAD = 2 ** 20;

const ZEROS = Buffer.alloc(IMAGE_BLOCK);

/** Ranges of the whole blocks that are not all zero, counted from `offset`. The last block may be short. */
export function nonZeroBlocks(bytes: Buffer, offset: number): ByteRange[] {
  const found: { start: number; end: number }[] = [];
  for (let at = 0; at < bytes.length; at += IMAGE_BLOCK) {
    const end = Math.min(at + IMAGE_BLOCK, bytes.length);
    if (bytes.compare(ZEROS, 0, end - at, at, end) === 0) continue;
    const last = found.at(-1);
    if (last?.end === offset + at) last.end = offset + end;
    else found.push({ start: offset + at, end: offset + end });
  }
  return found;
}

/** Where a disk has blocks of 4096 bytes that are not all zero. A function of its bytes alone. */
export function dataOf(image: DiskImage): readonly ByteRange[] {
  if (image.patch.length === 0) return image.baseData;
  const patched = mergeRanges(
    image.patch.map(({ offset, bytes }) => ({ start: offset, end: offset + bytes.length })),
  );
  const added = image.patch.flatMap(({ offset, bytes }) => nonZeroBlocks(bytes, offset));
  return mergeRanges([...subtractRanges(image.baseData, patched), ...added]);
}

/** Reads a disk; disposing it closes the base. */
export class ImageReader implements AsyncDisposable {
  readonly #image: DiskImage;
  readonly #base: FileHandle;

  private constructor(image: DiskImage, base: FileHandle) {
    this.#image = image;
    this.#base = base;
  }

  static async open(image: DiskImage): Promise<ImageReader> {
    return new ImageReader(image, await open(image.basePath, 'r'));
  }

  /** Fills `target` with the disk's bytes from `offset` on; after the disk's end, with zeros. */
  async read(target: Buffer, offset: number): Promise<void> {
    const { size, baseSize = size } = this.#image;
    const lengthTo = (end: number): number => Math.max(0, Math.min(target.length, end - offset));
    const length = lengthTo(size);
    await readFully(this.#base, target.subarray(0, lengthTo(baseSize)), offset);
    target.fill(0, lengthTo(baseSize));
    for (const run of this.#runsIn(offset, offset + length)) {
      const from = Math.max(0, offset - run.offset);
      run.bytes.copy(target, run.offset + from - offset, from, offset + length - run.offset);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#base.close();
  }

  *#runsIn(start: number, end: number): Generator<PatchRun> {
    const { patch } = this.#image;
    let low = 0;
    for (let high = patch.length; low < high;) {
      const middle = (low + high) >>> 1;
      const run = patch[middle];
      if (run !== undefined && run.offset + run.bytes.length <= start) low = middle + 1;
      else high = middle;
    }
    for (; (patch[low]?.offset ?? Infinity) < end; low += 1) {
      const run = patch[low];
      if (run !== undefined) yield run;
    }
  }
}

/**
 * Reads ranges of a disk block by block, many at a time, into the same memory again and again: memory that is new for
 * each read is given back so late that clearing it away takes longer than reading.
 * @param ranges multiples of the block's size
 * @param holding how many blocks are worked on at a time: one is good until so many after it have been taken
 */
export async function* readBlocks(
  reader: ImageReader,
  ranges: readonly ByteRange[],
  blockSize: number,
  holding: number,
): AsyncGenerator<{ readonly at: number; readonly bytes: Buffer }> {
  const most = Math.max(1, Math.floor(READ_AHEAD / blockSize)) * blockSize;
  // A ring: at its end up to `most` bytes stay unused, and what is read next must not reach what is held.
  const ring = Buffer.allocUnsafeSlow(holding * blockSize + 2 * most);
  let place = 0;
  for (const { start, end } of ranges) {
    for (let from = start; from < end; from += most) {
      const length = Math.min(most, end - from);
      if (place + length > ring.length) place = 0;
      const bytes = ring.subarray(place, place + length);
      place += length;
      await reader.read(bytes, from);
      for (let at = 0; at < length; at += blockSize)
        yield { at: from + at, bytes: bytes.subarray(at, at + blockSize) };
    }
  }
}

/** Reads exactly `target.length` bytes. */
export async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length;) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error('a disk image ends early');
    done += bytesRead;
  }
}
