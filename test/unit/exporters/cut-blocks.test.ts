import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutBlocks } from '../../../src/exporters/compressed/cut-blocks.ts';

const RECORD = 512;
const MIB = 2 ** 20;
const SIZES = { smallest: MIB / 16, average: 320 * 1024, largest: MIB };

async function blocksOf(source: Iterable<Buffer>): Promise<Buffer[]> {
  const blocks: Buffer[] = [];
  for await (const block of cutBlocks(source, SIZES)) blocks.push(block);
  return blocks;
}

const digests = (blocks: readonly Buffer[]): string[] =>
  blocks.map((block) => createHash('sha256').update(block).digest('hex'));

/** `bytes` in pieces of the given sizes, over and over. */
function* inPieces(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('cutBlocks', () => {
  test('gives all bytes, in blocks of 64 KiB to 1 MiB that end on records', async () => {
    const bytes = randomBytes(8 * MIB + 300);
    const blocks = await blocksOf([bytes]);
    expect(Buffer.concat(blocks).equals(bytes)).toBe(true);
    expect(blocks.length).toBeGreaterThan(8);
    for (const block of blocks.slice(0, -1)) {
      expect(block.length % RECORD).toBe(0);
      expect(block.length).toBeGreaterThanOrEqual(64 * 1024);
      expect(block.length).toBeLessThanOrEqual(MIB);
    }
  });

  test('does not depend on the pieces that the bytes come in', async () => {
    const bytes = randomBytes(3 * MIB + 77);
    const whole = digests(await blocksOf([bytes]));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 2 * MIB }), { minLength: 1 }), async (sizes) => {
        // Pieces of some bytes take long and show nothing more.
        const pieces = sizes.map((size) => Math.max(size, 1000));
        expect(digests(await blocksOf(inPieces(bytes, pieces)))).toEqual(whole);
      }),
      { numRuns: 30 },
    );
  });

  test('an inserted, a deleted and a changed record change the blocks around them only', async () => {
    const bytes = randomBytes(16 * MIB);
    const before = new Set(digests(await blocksOf([bytes])));
    const at = 5 * MIB;
    const edits = {
      inserted: Buffer.concat([bytes.subarray(0, at), randomBytes(3 * RECORD), bytes.subarray(at)]),
      deleted: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + RECORD)]),
      changed: Buffer.concat([bytes.subarray(0, at), randomBytes(100), bytes.subarray(at + 100)]),
    };
    for (const edited of Object.values(edits)) {
      const fresh = digests(await blocksOf([edited])).filter((digest) => !before.has(digest));
      expect(fresh.length).toBeGreaterThan(0);
      // A boundary that two edits have in common comes soon, if not with the next one.
      expect(fresh.length).toBeLessThan(12);
    }
  });

  test('zeros are cut at the largest size', async () => {
    const blocks = await blocksOf([Buffer.alloc(3 * MIB + 1)]);
    expect(blocks.map((block) => block.length)).toEqual([MIB, MIB, MIB, 1]);
  });

  test('nothing is no block', async () => {
    expect(await blocksOf([])).toEqual([]);
    expect(await blocksOf([Buffer.alloc(0)])).toEqual([]);
  });
});
