import { promisify } from 'node:util';
import { constants, zstdCompress, zstdCompressSync, type ZstdOptions } from 'node:zlib';
import { ZSTD_VERSION } from '../node-compressors.ts';
import type { BlockFormat } from './write-blocks.ts';

const compressBlock = promisify(zstdCompress);

const MIB = 2 ** 20;
/** Up to this level zstd looks back 2 MiB, above it up to 8: smaller blocks would cost what the effort gains. */
const LAST_QUICK_LEVEL = 3;
const EMPTY = Buffer.alloc(0);

/** Names how `zstdFormat` compresses. */
export const zstdRecipe = (level: number): string => `zstd-${level}-${ZSTD_VERSION}`;

/**
 * A frame of zstd for each block, with its size and checksum, one after the other as pzstd writes them (RFC 8878, 3:
 * frames that follow each other are one content). Blocks cannot share a frame: each takes for granted which offsets were
 * used last before it (3.1.1.5).
 * @param level effort of zstd, 1 to 19
 */
export function zstdFormat(level: number): BlockFormat {
  const optionsFor = (block: Buffer): ZstdOptions => ({
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: block.length,
    // Each chunk of output is a round through Node's threads.
    chunkSize: MIB,
  });
  let isEmpty = true;
  return {
    sizes:
      level <= LAST_QUICK_LEVEL
        ? { smallest: MIB / 2, average: 2.5 * MIB, largest: 8 * MIB }
        : { smallest: 2 * MIB, average: 8 * MIB, largest: 16 * MIB },
    window: 4,
    recipe: zstdRecipe(level),
    compress: (block) => compressBlock(block, optionsFor(block)),
    onBlock: () => (isEmpty = false),
    // A file without any frame is none of zstd.
    tail: () => (isEmpty ? zstdCompressSync(EMPTY, optionsFor(EMPTY)) : EMPTY),
  };
}
