import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflateRaw, zstdCompress, type ZstdOptions } from 'node:zlib';
import { FailureError } from '../../diagnostics/failure.ts';
import { alignRanges, type ByteRange } from '../../util/byte-ranges.ts';
import { inOrder } from '../../util/in-order.ts';
import { dataOf, ImageReader, type DiskImage } from '../disk-image.ts';
import type { ExportContext } from '../exporter.ts';
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
const deflate = promisify<Buffer, typeof DEFLATE, Buffer>(deflateRaw);
const zstd = promisify<Buffer, ZstdOptions, Buffer>(zstdCompress);
/** Room for a frame around a cluster that cannot be made smaller. */
const FRAME = 1024;

/**
 * How QEMU reads clusters back: raw deflate with a window of 4 KiB, or one frame of zstd (qcow2.rst, "Compressed Clusters
 * Descriptor"; block/qcow2-threads.c).
 */
const METHODS: Readonly<Record<CompressedOptions['compression'], (cluster: Buffer) => Promise<Buffer>>> = {
  zlib: (cluster) => deflate(cluster, DEFLATE),
  // Told the size and given room for all, it takes a third of the time.
  zstd: (cluster) => zstd(cluster, { pledgedSrcSize: cluster.length, chunkSize: cluster.length + FRAME }),
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
  const compress = METHODS[compression];
  if (compression === 'zstd' || clusterSize < SMALLEST_KEPT)
    return await writeClusters(image, options, context, compress);
  // All that decides the bytes of a block is in the name.
  const settings = [...Object.values(DEFLATE), process.versions.zlib].join('-');
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
  const clusters = inOrder(readClusters(reader, data, clusterSize), WINDOW, ({ bytes }) => compress(bytes));
  for await (const [{ guest, bytes }, packed] of clusters) {
    if (signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const place = tables.place(guest, packed.length);
    await output.write(place.type === 'packed' ? packed : bytes, place.at);
    done += clusterSize;
    progress(done, total, 'bytes');
  }
  await output.flush();
  for (const { at, bytes } of tables.finish()) await writeAt(file, bytes, at);
}

async function* readClusters(
  reader: ImageReader,
  data: readonly ByteRange[],
  clusterSize: number,
): AsyncGenerator<{ readonly guest: number; readonly bytes: Buffer }> {
  for (const { start, end } of data) {
    for (let guest = start; guest < end; guest += clusterSize) {
      const bytes = Buffer.allocUnsafe(clusterSize);
      await reader.read(bytes, guest);
      yield { guest, bytes };
    }
  }
}

/** Pieces of a file in ascending places, written in large batches; gaps between them read as zeros. */
class Batches {
  readonly #file: FileHandle;
  #parts: Buffer[] = [];
  #start: number;
  #length = 0;

  constructor(file: FileHandle, start: number) {
    this.#file = file;
    this.#start = start;
  }

  async write(bytes: Buffer, at: number): Promise<void> {
    if (this.#length >= BATCH || at !== this.#start + this.#length) {
      await this.flush();
      this.#start = at;
    }
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  async flush(): Promise<void> {
    if (this.#length > 0) await writeAt(this.#file, Buffer.concat(this.#parts), this.#start);
    this.#start += this.#length;
    this.#parts = [];
    this.#length = 0;
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  }
}
