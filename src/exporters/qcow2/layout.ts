import type { ByteRange } from '../../util/byte-ranges.ts';

/** Format of a QCOW2 file: https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.rst */
export interface Qcow2Format {
  /** 2 for `compat=0.10`, 3 for `compat=1.1`. */
  readonly version: 2 | 3;
  /** A power of two from 512 to 2 MiB. */
  readonly clusterSize: number;
  /** How clusters are compressed where some are; only `zstd` shows in the header. */
  readonly compression?: 'zlib' | 'zstd';
}

export interface Qcow2Layout {
  /** Header, refcounts, L1 and L2 tables: the file up to its first data cluster. */
  readonly metadata: Buffer;
  /** Bytes of the whole file: `metadata`, then the data clusters in the disk's order. */
  readonly size: number;
}

/** QEMU does not open files with larger tables (block/qcow2.h, QCOW_MAX_L1_SIZE and QCOW_MAX_REFTABLE_SIZE). */
export const LARGEST_L1 = 32 * 2 ** 20;
export const LARGEST_REFCOUNT_TABLE = 8 * 2 ** 20;

const MAGIC = 0x514649fb;
/** Of version 3; version 2 has 72 bytes and does not say so. */
const HEADER_LENGTH = 104;
/** 2 to this power bits for one refcount. */
const REFCOUNT_ORDER = 4;
export const REFCOUNT_BYTES = 2;
export const ENTRY_BYTES = 8;
/** Incompatible feature 3: the header names a compression, and that of zstd. */
const ZSTD_FEATURE = 8n;
const ZSTD_TYPE = 1;
/** Bit 63 of an entry: the cluster has one user, so it can be written in place. */
const COPIED = 0x80000000;

/**
 * Lays a disk out as a QCOW2 file without holes and snapshots: one cluster of header, refcount table, refcount blocks,
 * L1 table, L2 tables, data. Clusters that are not in `data` read as zeros.
 * @param diskSize bytes
 * @param data merged ranges of whole clusters; the last may end after the disk
 * @returns undefined when tables of this cluster size cannot hold the disk
 */
export function layoutQcow2(
  diskSize: number,
  data: readonly ByteRange[],
  format: Qcow2Format,
): Qcow2Layout | undefined {
  const { clusterSize } = format;
  const entries = clusterSize / ENTRY_BYTES;
  const inL2 = clusterSize * entries;
  const l1Entries = Math.ceil(diskSize / inL2);
  const l1Clusters = Math.ceil((l1Entries * ENTRY_BYTES) / clusterSize);
  const l2Indexes = usedL2Tables(data, inL2);
  const dataClusters = data.reduce((sum, { start, end }) => sum + (end - start), 0) / clusterSize;
  const refcounts = layoutRefcounts(1 + l1Clusters + l2Indexes.length + dataClusters, clusterSize);
  if (l1Entries * ENTRY_BYTES > LARGEST_L1) return undefined;
  if (refcounts.tableClusters * clusterSize > LARGEST_REFCOUNT_TABLE) return undefined;

  const tableAt = clusterSize;
  const blocksAt = tableAt + refcounts.tableClusters * clusterSize;
  const l1At = blocksAt + refcounts.blocks * clusterSize;
  const l2At = l1At + l1Clusters * clusterSize;
  const dataAt = l2At + l2Indexes.length * clusterSize;
  const size = dataAt + dataClusters * clusterSize;

  const metadata = Buffer.alloc(dataAt);
  writeHeader(metadata, format, diskSize, {
    l1Entries,
    l1At,
    tableAt,
    tableClusters: refcounts.tableClusters,
  });
  for (let block = 0; block < refcounts.blocks; block += 1) {
    writeEntry(metadata, tableAt + block * ENTRY_BYTES, blocksAt + block * clusterSize, 0);
  }
  for (let cluster = 0; cluster < size / clusterSize; cluster += 1) {
    metadata.writeUInt16BE(1, blocksAt + cluster * REFCOUNT_BYTES);
  }
  const l2Places = new Map<number, number>();
  for (const [at, index] of l2Indexes.entries()) {
    l2Places.set(index, l2At + at * clusterSize);
    writeEntry(metadata, l1At + index * ENTRY_BYTES, l2At + at * clusterSize, COPIED);
  }
  let next = dataAt;
  for (const { start, end } of data) {
    for (let guest = start; guest < end; guest += clusterSize, next += clusterSize) {
      const table = l2Places.get(Math.floor(guest / inL2)) ?? 0;
      writeEntry(metadata, table + ((guest % inL2) / clusterSize) * ENTRY_BYTES, next, COPIED);
    }
  }
  return { metadata, size };
}

/** Indexes of the L2 tables that a disk with this data has, ascending. */
export function usedL2Tables(data: readonly ByteRange[], inL2: number): number[] {
  const used = new Set<number>();
  for (const { start, end } of data) {
    for (let index = Math.floor(start / inL2); index * inL2 < end; index += 1) used.add(index);
  }
  return [...used];
}

/** Refcount blocks count themselves and their table too, so the numbers are grown until they hold. */
export function layoutRefcounts(
  otherClusters: number,
  clusterSize: number,
): { blocks: number; tableClusters: number } {
  let blocks = 0;
  let tableClusters = 0;
  for (;;) {
    const clusters = otherClusters + blocks + tableClusters;
    const neededBlocks = Math.ceil((clusters * REFCOUNT_BYTES) / clusterSize);
    const neededTable = Math.ceil((neededBlocks * ENTRY_BYTES) / clusterSize);
    if (neededBlocks === blocks && neededTable === tableClusters) return { blocks, tableClusters };
    blocks = neededBlocks;
    tableClusters = neededTable;
  }
}

interface Places {
  readonly l1Entries: number;
  readonly l1At: number;
  readonly tableAt: number;
  readonly tableClusters: number;
}

export function writeHeader(file: Buffer, format: Qcow2Format, diskSize: number, places: Places): void {
  file.writeUInt32BE(MAGIC, 0);
  file.writeUInt32BE(format.version, 4);
  file.writeUInt32BE(Math.log2(format.clusterSize), 20);
  file.writeBigUInt64BE(BigInt(diskSize), 24);
  file.writeUInt32BE(places.l1Entries, 36);
  file.writeBigUInt64BE(BigInt(places.l1At), 40);
  file.writeBigUInt64BE(BigInt(places.tableAt), 48);
  file.writeUInt32BE(places.tableClusters, 56);
  if (format.version === 2) return;
  file.writeUInt32BE(REFCOUNT_ORDER, 96);
  const isZstd = format.compression === 'zstd';
  file.writeUInt32BE(isZstd ? HEADER_LENGTH + 8 : HEADER_LENGTH, 100);
  if (!isZstd) return;
  file.writeBigUInt64BE(ZSTD_FEATURE, 72);
  file.writeUInt8(ZSTD_TYPE, HEADER_LENGTH);
}

/** An entry of a table: a place in the file and the upper 32 bits of its flags. */
export function writeEntry(file: Buffer, at: number, offset: number, flags: number): void {
  file.writeUInt32BE((Math.floor(offset / 2 ** 32) | flags) >>> 0, at);
  file.writeUInt32BE(offset % 2 ** 32, at + 4);
}
