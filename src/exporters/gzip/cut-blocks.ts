/** Boundaries lie on multiples of this: tar is made of records of this size, and disks of sectors. */
const RECORD = 512;
const SMALLEST = 64 * 1024;
const LARGEST = 2 ** 20;
/** A record looks like a boundary once in so many; with the smallest size a block has 320 KiB on average. */
const RECORDS_PER_BOUNDARY = 512;
/** Bytes from one word of a record that is looked at to the next. */
const STRIDE = 32;

/**
 * Cuts a stream into blocks where its content says so, not its position: after something was inserted or taken out, in
 * whole records, the same blocks come again (content-defined chunking; Muthitacharoen et al., "A Low-bandwidth Network
 * File System", SOSP 2001). The blocks depend on the bytes alone, not on the pieces that they came in.
 */
export async function* cutBlocks(source: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafe(LARGEST);
  let filled = 0;
  let looked = SMALLEST;
  for await (const piece of source) {
    for (let at = 0; at < piece.length;) {
      const count = piece.copy(block, filled, at);
      filled += count;
      at += count;
      for (; looked + RECORD <= filled; looked += RECORD) {
        if (!isBoundary(block, looked)) continue;
        yield Buffer.from(block.subarray(0, looked));
        block.copyWithin(0, looked, filled);
        filled -= looked;
        looked = SMALLEST - RECORD;
      }
      if (filled < LARGEST) continue;
      yield block;
      block = Buffer.allocUnsafe(LARGEST);
      filled = 0;
      looked = SMALLEST;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

/** A plain mixing of some words: it only has to be well spread, and records of zeros must be no boundary. */
function isBoundary(block: Buffer, at: number): boolean {
  let mixed = 0;
  for (let word = at; word < at + RECORD; word += STRIDE) {
    mixed = Math.imul(mixed ^ block.readInt32LE(word), 0x9e37_79b1);
  }
  return ((mixed ^ (mixed >>> 15)) >>> 0) % RECORDS_PER_BOUNDARY === 1;
}
