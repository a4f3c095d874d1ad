/** Boundaries lie on multiples of this: tar is made of records of this size, and disks of sectors. */
const RECORD = 512;
/** Bytes from one word of a record that is looked at to the next. */
const STRIDE = 32;

/** Bytes of blocks; whole records. */
export interface BlockSizes {
  readonly smallest: number;
  /** Of content that is well mixed. */
  readonly average: number;
  readonly largest: number;
}

/**
 * Cuts a stream into blocks where its content says so, not its position: after something was inserted or taken out, in
 * whole records, the same blocks come again (content-defined chunking; Muthitacharoen et al., "A Low-bandwidth Network
 * File System", SOSP 2001). The blocks depend on the bytes alone, not on the pieces that they came in.
 */
export async function* cutBlocks(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  { smallest, average, largest }: BlockSizes,
): AsyncGenerator<Buffer> {
  const recordsPerBoundary = (average - smallest) / RECORD;
  let block = Buffer.allocUnsafe(largest);
  let filled = 0;
  let looked = smallest;
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      const count = piece.copy(block, filled, at);
      filled += count;
      at += count;
      for (; looked + RECORD <= filled; looked += RECORD) {
        if (!isBoundary(block, looked, recordsPerBoundary)) continue;
        yield Buffer.from(block.subarray(0, looked));
        block.copyWithin(0, looked, filled);
        filled -= looked;
        looked = smallest - RECORD;
      }
      if (filled < largest) continue;
      yield block;
      block = Buffer.allocUnsafe(largest);
      filled = 0;
      looked = smallest;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** A plain mixing of some words: it only has to be well spread, and records of zeros must be no boundary. */
function isBoundary(block: Buffer, at: number, recordsPerBoundary: number): boolean {
  let mixed = 0;
  for (let word = at; word < at + RECORD; word += STRIDE) {
    mixed = Math.imul(mixed ^ block.readInt32LE(word), 0x9e37_79b1);
  }
  return ((mixed ^ (mixed >>> 15)) >>> 0) % recordsPerBoundary === 1;
}
