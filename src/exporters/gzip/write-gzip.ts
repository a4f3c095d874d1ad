import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { constants, crc32, createDeflateRaw } from 'node:zlib';
import { FailureError } from '../../diagnostics/failure.ts';
import { inOrder } from '../../util/in-order.ts';
import type { ExportContext } from '../exporter.ts';
import { stopped } from '../file-digest.ts';
import { ZLIB_VERSION } from '../node-compressors.ts';
import { outputFailure } from '../output.ts';
import { BlockCompressors, CHUNK } from '../packed/block-compressors.ts';
import { PackedBlocks, type Compress } from '../packed/packed-blocks.ts';
import { cutBlocks } from './cut-blocks.ts';

/** Blocks that are compressed at a time; Node does it in four threads of its own. */
const WINDOW = 8;
/** Deflate, no flags, no time, no hint of the effort, made on Unix (RFC 1952, 2.3). */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
/** A last block with nothing in it (RFC 1951, 3.2.3). */
const LAST_BLOCK = Buffer.from([3, 0]);

export interface GzipRequest {
  readonly to: string;
  /** Effort of zlib, 1 to 9. */
  readonly level: number;
  readonly signal: AbortSignal;
  /** Keeps compressed blocks between exports, and takes those that are kept. */
  readonly cacheFolder?: ExportContext['cacheFolder'];
  /** Told how many bytes of the source are done. */
  readonly progress?: (done: number) => void;
}

/**
 * Compresses a stream to one member of gzip, with all processors. Blocks are compressed each by itself and end on whole
 * bytes (Z_SYNC_FLUSH), so that they can be joined to one stream as pigz does it: every reader of gzip takes it, also
 * those that stop after the first member. The bytes do not depend on the number of threads, nor on what is kept.
 * @returns SHA-256 of the file, 64 hex digits
 * @throws FailureError `aborted`, `disk-full`, `permission-denied`; what the source throws
 */
export async function writeGzip(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  request: GzipRequest,
): Promise<{ readonly sha256: string }> {
  const { level, cacheFolder } = request;
  using compressors = new BlockCompressors({
    open: () => createDeflateRaw({ level, memLevel: 9, chunkSize: CHUNK, flush: constants.Z_SYNC_FLUSH }),
    resets: true,
  });
  const { compress } = compressors;
  if (cacheFolder === undefined) return await writeMember(source, request, compress);
  const folder = await cacheFolder(`packed-gzip-${level}-${ZLIB_VERSION}`);
  return await PackedBlocks.use(folder, (blocks) =>
    writeMember(source, request, (block) => blocks.pack(block, compress)),
  );
}

async function writeMember(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  { to, signal, progress }: GzipRequest,
  compress: Compress,
): Promise<{ readonly sha256: string }> {
  const hash = createHash('sha256');
  await using file = await writing(to, () => open(to, 'w'));
  const write = async (bytes: Buffer): Promise<void> => {
    hash.update(bytes);
    await writing(to, () => file.appendFile(bytes));
  };
  await write(HEADER);
  let crc = 0;
  let length = 0;
  for await (const [block, packed] of inOrder(cutBlocks(source), WINDOW, compress)) {
    if (signal.aborted) throw stopped();
    crc = crc32(block, crc);
    length += block.length;
    await write(packed);
    progress?.(length);
  }
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  trailer.writeUInt32LE(length % 2 ** 32, 4);
  await write(LAST_BLOCK);
  await write(trailer);
  return { sha256: hash.digest('hex') };
}

async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const failure = outputFailure(error, path);
    throw failure === undefined ? error : new FailureError(failure);
  }
}
