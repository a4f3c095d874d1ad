import { open, type FileHandle } from 'node:fs/promises';
import { constants, createDeflateRaw, createZstdCompress } from 'node:zlib';
import { FailureError } from '../../diagnostics/failure.ts';
import { alignRanges } from '../../util/byte-ranges.ts';
import { inOrder } from '../../util/in-order.ts';
import { dataOf, ImageReader, readBlocks, type DiskImage } from '../disk-image.ts';
import type { ExportContext } from '../exporter.ts';
import { ZLIB_VERSION } from '../node-compressors.ts';
import { BlockCompressors, CHUNK, type BlockStreams } from '../packed/block-compressors.ts';
import { PackedBlocks } from '../packed/packed-blocks.ts';
import { CompressedTables } from './compressed-tables.ts';

export interface CompressedOptions {
  readonly compression: 'zlib' | 'zstd';
  /** Bytes, a power of two. */
  readonly clusterSize: number;
  /** `compat` level. */
  readonly version: '0.10' | '1.1';
}

/** Clusters that are compressed at a time; Node does it in threads of its own. */
const WINDOW = 8;
/** Smaller clusters, and those of zstd, take longer to keep than to compress again. */
const SMALLEST_KEPT = 16384;
/** Bytes that are collected before they are written. */
const BATCH = 2 ** 20;

const DEFLATE = { level: 6, windowBits: 12, memLevel: 9 };
/** Logarithm of the smallest window that zstd knows, and of the largest table that its level 3 has. */
const SMALLEST_WINDOW_LOG = 10;
const LARGEST_TABLE_LOG = 17;

/**
 * How QEMU reads clusters back: raw deflate with a window of 4 KiB, or one frame of zstd (qcow2.rst, "Compressed Clusters
 * Descriptor"; block/qcow2-threads.c).
 */
const METHODS: Readonly<Record<CompressedOptions['compression'], (clusterSize: number) => BlockStreams>> = {
  zlib: () => ({
    open: () => createDeflateRaw({ ...DEFLATE, chunkSize: CHUNK, flush: constants.Z_FINISH }),
    resets: true,
  }),
  zstd: (clusterSize) => {
    // A stream does not know how little comes: with tables for more it would take twice the time.
    const log = Math.max(SMALLEST_WINDOW_LOG, Math.log2(clusterSize));
    const tableLog = Math.min(log, LARGEST_TABLE_LOG);
    const params = {
      [constants.ZSTD_c_compressionLevel]: 3,
      [constants.ZSTD_c_windowLog]: log,
      [constants.ZSTD_c_hashLog]: tableLog,
      [constants.ZSTD_c_chainLog]: tableLog,
    };
    return {
      open: () => createZstdCompress({ params, chunkSize: CHUNK, flush: constants.ZSTD_e_end }),
      resets: false,
    };
  },
};

/**
 * Writes a disk as compressed qcow2, straight from its base and patch: qemu-img would read a copy of it. Clusters lie in
 * the disk's order whatever the number of threads: same disk, same bytes.
 * @throws FailureError `export-failed` when the clusters are too small, `aborted`; the file system's own error
 */
export async function writeCompressedQcow2(
  image: DiskImage,
  options: CompressedOptions,
  context: Pick<ExportContext, 'cacheFolder' | 'outputPath' | 'signal' | 'progress'>,
): Promise<void> {
  const { clusterSize, compression } = options;
  using compressors = new BlockCompressors(METHODS[compression](clusterSize));
  const { compress } = compressors;
  if (compression === 'zstd' || clusterSize < SMALLEST_KEPT)
    return await writeClusters(image, options, context, compress);
  // All that decides the bytes of a block is in the name.
  const settings = [...Object.values(DEFLATE), ZLIB_VERSION].join('-');
  const folder = await context.cacheFolder(`packed-deflate-${settings}`);
  await PackedBlocks.use(folder, (blocks) =>
    writeClusters(image, options, context, (cluster) => blocks.pack(cluster, compress)),
  );
}

async function writeClusters(
  image: DiskImage,
  { clusterSize, compression, version }: CompressedOptions,
  { outputPath, signal, progress }: Pick<ExportContext, 'outputPath' | 'signal' | 'progress'>,
  compress: (cluster: Buffer) => Promise<Buffer>,
): Promise<void> {
  const data = alignRanges(dataOf(image), clusterSize);
  const tables = new CompressedTables(image.size, data, {
    clusterSize,
    version: version === '1.1' ? 3 : 2,
    compression,
  });
  if (tables.tooLarge) {
    throw new FailureError({
      reason: 'export-failed',
      message: `clusters of ${clusterSize} bytes are too small for a disk of ${image.size} bytes`,
      hint: 'give clusterSize a larger value; the default of 65536 holds any disk up to 2 PiB',
    });
  }
  await using reader = await ImageReader.open(image);
  await using file = await open(outputPath, 'w');
  const output = new Batches(file, tables.dataAt);
  const total = data.reduce((sum, { start, end }) => sum + end - start, 0);
  let done = 0;
  const clusters = inOrder(readBlocks(reader, data, clusterSize, WINDOW), WINDOW, ({ bytes }) =>
    compress(bytes),
  );
  for await (const [{ at: guest, bytes }, packed] of clusters) {
    if (signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const place = tables.place(guest, packed.length);
    await output.write(place.type === 'packed' ? packed : bytes, place.at);
    done += clusterSize;
    progress(done, total, 'bytes');
  }
  await output.flush();
  for (const { at, bytes } of tables.finish()) await writeAt(file, bytes, at);
}

/** Pieces of a file in ascending places, written in large batches; gaps between them read as zeros. */
class Batches {
  readonly #file: FileHandle;
  readonly #batch = Buffer.allocUnsafeSlow(BATCH);
  #start: number;
  #length = 0;

  constructor(file: FileHandle, start: number) {
    this.#file = file;
    this.#start = start;
  }

  /** Takes a copy. */
  async write(bytes: Buffer, at: number): Promise<void> {
    if (at !== this.#start + this.#length) {
      await this.flush();
      this.#start = at;
    }
    for (let done = 0; done < bytes.length;) {
      const taken = bytes.copy(this.#batch, this.#length, done);
      done += taken;
      this.#length += taken;
      if (this.#length === BATCH) await this.flush();
    }
  }

  async flush(): Promise<void> {
    await writeAt(this.#file, this.#batch.subarray(0, this.#length), this.#start);
    this.#start += this.#length;
    this.#length = 0;
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}
