import { randomBytes } from 'node:crypto';
import {
  constants,
  createDeflateRaw,
  createZstdCompress,
  inflateRawSync,
  zstdDecompressSync,
} from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { BlockCompressors, type BlockStreams } from '../../../src/exporters/packed/block-compressors.ts';

const WAYS: readonly [string, BlockStreams, (packed: Buffer) => Buffer][] = [
  [
    'deflate',
    // In pieces much smaller than a block.
    { open: () => createDeflateRaw({ chunkSize: 100, flush: constants.Z_FINISH }), resets: true },
    (packed) => inflateRawSync(packed),
  ],
  [
    'zstd',
    { open: () => createZstdCompress({ chunkSize: 100_000, flush: constants.ZSTD_e_end }), resets: false },
    (packed) => zstdDecompressSync(packed),
  ],
];

/** Blocks of noise, text and nothing; the same text twice, so that a stream could refer to what came before. */
const TEXT = Buffer.from('the same words, over and over; '.repeat(2000));
const BLOCKS = [
  TEXT,
  randomBytes(65536),
  Buffer.alloc(0),
  TEXT,
  Buffer.alloc(300_000),
  Buffer.from('x'),
  TEXT,
];

describe.each(WAYS)('compressors of blocks: %s', (_, streams, unpack) => {
  test('each block can be read by itself', async () => {
    using compressors = new BlockCompressors(streams);
    const packed = await Promise.all(BLOCKS.map((block) => compressors.compress(block)));
    for (const [index, block] of BLOCKS.entries())
      expect(unpack(packed[index] ?? Buffer.alloc(0)).equals(block)).toBe(true);
  });

  test('what comes out depends on the block alone, not on those before it', async () => {
    const alone: Buffer[] = [];
    for (const block of BLOCKS) {
      using compressors = new BlockCompressors(streams);
      alone.push(await compressors.compress(block));
    }
    using compressors = new BlockCompressors(streams);
    for (const [index, block] of [...BLOCKS.entries()].toReversed()) {
      expect((await compressors.compress(block)).equals(alone[index] ?? TEXT)).toBe(true);
    }
  });

  test('a stream that breaks fails its block', async () => {
    const broken: BlockStreams = {
      ...streams,
      open: () => {
        const stream = streams.open();
        setImmediate(() => stream.destroy(new Error('out of memory')));
        return stream;
      },
    };
    using compressors = new BlockCompressors(broken);
    await expect(compressors.compress(randomBytes(50_000_000))).rejects.toThrow('out of memory');
  });
});
