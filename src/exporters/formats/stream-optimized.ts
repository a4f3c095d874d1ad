import { open, type FileHandle } from 'node:fs/promises';
import { constants, createDeflate } from 'node:zlib';
import { FailureError } from '../../diagnostics/failure.ts';
import type { ConvertContext } from '../convert.ts';
import { alignRanges } from '../../util/byte-ranges.ts';
import { inOrder } from '../../util/in-order.ts';
import { dataOf, ImageReader, readBlocks, type DiskImage } from '../disk-image.ts';
import { ZLIB_VERSION } from '../node-compressors.ts';
import { BlockCompressors, CHUNK } from '../packed/block-compressors.ts';
import { PackedBlocks, type Compress } from '../packed/packed-blocks.ts';

const SECTOR = 512;
const GRAIN = 64 * 1024;
const GRAIN_SECTORS = GRAIN / SECTOR;
/** Entries of one grain table. */
const TABLE_ENTRIES = 512;
/** Sectors before the first grain: header and descriptor, up to a whole grain. */
const OVERHEAD_SECTORS = 128;
const DESCRIPTOR_SECTORS = 20;
/** Grains that are compressed at a time; Node does it in four threads of its own. */
const WINDOW = 24;
const MARKER = { grainTable: 1, grainDirectory: 2, footer: 3 } as const;
/** Stands in the header of a stream for: see the footer. */
const AT_END = 0xffff_ffff_ffff_ffffn;

export interface StreamRequest {
  readonly disk: { readonly image: DiskImage };
  readonly to: string;
  /** Text of the descriptor. */
  readonly descriptor: string;
  /** Effort of zlib, 1 to 9. */
  readonly level: number;
}

/**
 * Writes a stream-optimized sparse extent (VMware Virtual Disk Format 1.1, "Stream-Optimized Compressed Sparse
 * Extents"):
 *
 *     header (directory: at end) | descriptor | grains, each table after its grains | directory | footer | end
 *
 * qemu-img writes such files as well, but with tables before the grains, which only some readers take for a stream,
 * and with one thread. The bytes do not depend on how many threads compress, nor on which zeros of the disk are holes,
 * nor on which grains an earlier export has compressed.
 */
export async function writeStreamOptimized(context: ConvertContext, request: StreamRequest): Promise<void> {
  const { level } = request;
  const folder = await context.cacheFolder(`packed-zlib-${level}-${ZLIB_VERSION}`);
  using compressors = new BlockCompressors({
    open: () => createDeflate({ level, chunkSize: CHUNK, flush: constants.Z_FINISH }),
    resets: true,
  });
  await PackedBlocks.use(folder, (blocks) =>
    writeGrains(context, request, (grain) => blocks.pack(grain, compressors.compress)),
  );
}

async function writeGrains(
  context: ConvertContext,
  request: StreamRequest,
  compress: Compress,
): Promise<void> {
  const { to } = request;
  const { image } = request.disk;
  await using reader = await ImageReader.open(image);
  await using file = await open(to, 'w');
  const output = new SectorWriter(file);
  const descriptor = Buffer.alloc(DESCRIPTOR_SECTORS * SECTOR);
  descriptor.write(request.descriptor);
  const capacity = Math.ceil(image.size / SECTOR);
  output.add(header(capacity, AT_END), descriptor);
  output.add(Buffer.alloc((OVERHEAD_SECTORS - 1 - DESCRIPTOR_SECTORS) * SECTOR));
  const directory: number[] = [];
  let table = new Uint32Array(TABLE_ENTRIES);
  const grains = Math.ceil(image.size / GRAIN);
  const endTable = (): void => {
    const used = table.some((entry) => entry !== 0);
    if (used) output.add(marker(MARKER.grainTable, (TABLE_ENTRIES * 4) / SECTOR));
    directory.push(used ? output.sector : 0);
    if (used) output.add(littleEndian(table));
    table = new Uint32Array(TABLE_ENTRIES);
  };
  // Grains that are not all zero, in the disk's order.
  const held = readBlocks(reader, alignRanges(dataOf(image), GRAIN), GRAIN, WINDOW);
  const packed = inOrder(held, WINDOW, ({ bytes }) => compress(bytes));
  for await (const [{ at }, data] of packed) {
    const index = at / GRAIN;
    if (context.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    while (directory.length < Math.floor(index / TABLE_ENTRIES)) endTable();
    table[index % TABLE_ENTRIES] = output.sector;
    output.add(grain(index, data));
    await output.flush();
    context.progress(index, grains, 'blocks');
  }
  while (directory.length < Math.ceil(grains / TABLE_ENTRIES)) endTable();
  const entries = littleEndian(Uint32Array.from(directory));
  output.add(marker(MARKER.grainDirectory, Math.ceil(entries.length / SECTOR)));
  const directoryAt = BigInt(output.sector);
  output.add(padded(entries));
  output.add(marker(MARKER.footer, 1), header(capacity, directoryAt), Buffer.alloc(SECTOR));
  await output.flush(true);
}

/** Collects whole sectors and writes them in large pieces. */
class SectorWriter {
  sector = 0;
  readonly #file: FileHandle;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  add(...parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.#parts.push(part);
      this.#bytes += part.length;
      this.sector += part.length / SECTOR;
    }
  }

  async flush(all = false): Promise<void> {
    if (this.#bytes < 2 ** 20 && !all) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    await this.#file.appendFile(bytes);
  }
}

/** SparseExtentHeader of version 3: compressed, with markers. */
function header(capacity: number, directoryAt: bigint): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.write('KDMV', 0, 'latin1');
  bytes.writeUInt32LE(3, 4);
  bytes.writeUInt32LE(0x30001, 8);
  bytes.writeBigUInt64LE(BigInt(Math.ceil(capacity / GRAIN_SECTORS) * GRAIN_SECTORS), 12);
  bytes.writeBigUInt64LE(BigInt(GRAIN_SECTORS), 20);
  bytes.writeBigUInt64LE(1n, 28);
  bytes.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  bytes.writeUInt32LE(TABLE_ENTRIES, 44);
  bytes.writeBigUInt64LE(directoryAt, 56);
  bytes.writeBigUInt64LE(BigInt(OVERHEAD_SECTORS), 64);
  // Line ends as they are, by which readers find that a transfer as text has broken the file.
  bytes.write('\n \r\n', 73, 'latin1');
  bytes.writeUInt16LE(1, 77);
  return bytes;
}

function marker(type: number, sectors: number): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.writeBigUInt64LE(BigInt(sectors), 0);
  bytes.writeUInt32LE(type, 12);
  return bytes;
}

function grain(index: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(index * GRAIN_SECTORS), 0);
  head.writeUInt32LE(data.length, 8);
  return padded(Buffer.concat([head, data]));
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % SECTOR;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(SECTOR - rest)]);
}

function littleEndian(numbers: Uint32Array): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4);
  numbers.forEach((number, index) => bytes.writeUInt32LE(number, index * 4));
  return bytes;
}
