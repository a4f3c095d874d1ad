import { constants, crc32, createDeflateRaw } from 'node:zlib';
import { ZLIB_VERSION } from '../node-compressors.ts';
import { BlockCompressors, CHUNK } from '../packed/block-compressors.ts';
import type { BlockFormat } from './write-blocks.ts';

/** Deflate, no flags, no time, no hint of the effort, made on Unix (RFC 1952, 2.3). */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
/** A last block with nothing in it (RFC 1951, 3.2.3). */
const LAST_BLOCK = Buffer.from([3, 0]);
const KIB = 1024;

/** Names how `gzipFormat` compresses. */
export const gzipRecipe = (level: number): string => `gzip-${level}-${ZLIB_VERSION}`;

/**
 * One member of gzip. Its blocks end on whole bytes (Z_SYNC_FLUSH), so that they can be joined to one stream as pigz does
 * it: every reader of gzip takes it, also those that stop after the first member.
 * @param level effort of zlib, 1 to 9
 */
export function gzipFormat(level: number): BlockFormat & Disposable {
  const compressors = new BlockCompressors({
    open: () => createDeflateRaw({ level, memLevel: 9, chunkSize: CHUNK, flush: constants.Z_SYNC_FLUSH }),
    resets: true,
  });
  let crc = 0;
  let length = 0;
  return {
    // A window of deflate is 32 KiB: little is lost where it begins anew.
    sizes: { smallest: 64 * KIB, average: 320 * KIB, largest: 1024 * KIB },
    window: 8,
    recipe: gzipRecipe(level),
    compress: compressors.compress,
    head: HEADER,
    onBlock: (block) => {
      crc = crc32(block, crc);
      length += block.length;
    },
    tail: () => {
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(crc, 0);
      trailer.writeUInt32LE(length % 2 ** 32, 4);
      return Buffer.concat([LAST_BLOCK, trailer]);
    },
    [Symbol.dispose]: () => compressors[Symbol.dispose](),
  };
}
