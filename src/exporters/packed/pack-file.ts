import { open, type FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/**
 * A file of compressed blocks, each found by the digest of what it was made of:
 *
 *     compressed bytes, one right after the other | index | footer
 *
 * An entry of the index: SHA-256 of the block (32 bytes), place (u64), length (u32) and CRC-32 (u32) of the compressed
 * bytes. The footer: number of entries (u32), CRC-32 of the index (u32), magic. All little-endian.
 */
const MAGIC = 'imgpack1';
const ENTRY = 48;
const FOOTER = 16;
/** More entries than this are no file of ours: 64 TiB of blocks. */
const MOST_ENTRIES = 2 ** 30;

/** Where the compressed bytes of one block lie. */
export interface PackedPlace {
  readonly file: FileHandle;
  readonly at: number;
  readonly length: number;
  readonly crc: number;
}

/** Blocks by their SHA-256 in hex. */
export type PackIndex = ReadonlyMap<string, PackedPlace>;

/** Index of a pack, and its open file; undefined when it is damaged. */
export async function openPack(
  path: string,
): Promise<{ readonly file: FileHandle; readonly index: PackIndex } | undefined> {
  const file = await open(path, 'r');
  const index = await readIndex(file).catch(() => undefined);
  if (index === undefined) await file.close();
  return index && { file, index };
}

async function readIndex(file: FileHandle): Promise<PackIndex | undefined> {
  const { size } = await file.stat();
  const footer = await readAt(file, size - FOOTER, FOOTER);
  if (footer?.toString('latin1', 8) !== MAGIC) return undefined;
  const count = footer.readUInt32LE(0);
  if (count > MOST_ENTRIES) return undefined;
  const start = size - FOOTER - count * ENTRY;
  const entries = await readAt(file, start, count * ENTRY);
  if (entries === undefined || crc32(entries) !== footer.readUInt32LE(4)) return undefined;
  const index = new Map<string, PackedPlace>();
  for (let offset = 0; offset < entries.length; offset += ENTRY) {
    index.set(entries.toString('hex', offset, offset + 32), {
      file,
      at: Number(entries.readBigUInt64LE(offset + 32)),
      length: entries.readUInt32LE(offset + 40),
      crc: entries.readUInt32LE(offset + 44),
    });
  }
  return index;
}

/** Index and footer of a pack whose blocks end at `end`. */
export function encodeIndex(index: PackIndex): Buffer {
  const entries = Buffer.alloc(index.size * ENTRY);
  let offset = 0;
  for (const [digest, { at, length, crc }] of index) {
    entries.write(digest, offset, 'hex');
    entries.writeBigUInt64LE(BigInt(at), offset + 32);
    entries.writeUInt32LE(length, offset + 40);
    entries.writeUInt32LE(crc, offset + 44);
    offset += ENTRY;
  }
  const footer = Buffer.alloc(FOOTER);
  footer.writeUInt32LE(index.size, 0);
  footer.writeUInt32LE(crc32(entries), 4);
  footer.write(MAGIC, 8, 'latin1');
  return Buffer.concat([entries, footer]);
}

/** The compressed bytes of a block; undefined when they are damaged. */
export async function readPacked({ file, at, length, crc }: PackedPlace): Promise<Buffer | undefined> {
  const bytes = await readAt(file, at, length).catch(() => undefined);
  return bytes !== undefined && crc32(bytes) === crc ? bytes : undefined;
}

async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer | undefined> {
  if (at < 0) return undefined;
  const bytes = Buffer.allocUnsafe(length);
  const { bytesRead } = await file.read(bytes, 0, length, at);
  return bytesRead === length ? bytes : undefined;
}
