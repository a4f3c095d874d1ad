import type { ByteRange } from '../../util/byte-ranges.ts';
import {
  ENTRY_BYTES,
  LARGEST_L1,
  LARGEST_REFCOUNT_TABLE,
  layoutRefcounts,
  REFCOUNT_BYTES,
  usedL2Tables,
  writeEntry,
  writeHeader,
  type Qcow2Format,
} from './layout.ts';

const SECTOR = 512;
/** Bits 62 and 63 of an entry: the cluster is compressed; it has one user. */
const COMPRESSED = 1n << 62n;
const COPIED = 1n << 63n;

/** Where a cluster of the disk goes in the file. */
export type ClusterPlace =
  { readonly type: 'packed'; readonly at: number } | { readonly type: 'whole'; readonly at: number };

/**
 * The tables of a compressed qcow2 file, filled while its clusters get their places:
 *
 *     header | L1 table | L2 tables | clusters, one right after the other | refcount table, refcount blocks
 *
 * Several compressed clusters lie in one cluster of the file, which counts each of them. A cluster that does not get
 * smaller is stored as it is, at the next whole cluster of the file.
 */
export class CompressedTables {
  readonly #format: Qcow2Format;
  readonly #diskSize: number;
  readonly #l1Entries: number;
  readonly #l2Places = new Map<number, number>();
  readonly #tables: Buffer;
  /** Users of each cluster of the file. */
  readonly #users: number[] = [];
  #next: number;

  /** @param data merged ranges of whole clusters; the last may end after the disk */
  constructor(diskSize: number, data: readonly ByteRange[], format: Qcow2Format) {
    const { clusterSize } = format;
    this.#format = format;
    this.#diskSize = diskSize;
    const inL2 = clusterSize * (clusterSize / ENTRY_BYTES);
    this.#l1Entries = Math.ceil(diskSize / inL2);
    const l1Clusters = Math.ceil((this.#l1Entries * ENTRY_BYTES) / clusterSize);
    const l2 = usedL2Tables(data, inL2);
    this.#tables = this.tooLarge ? Buffer.alloc(0) : Buffer.alloc((1 + l1Clusters + l2.length) * clusterSize);
    for (const [at, index] of l2.entries()) {
      const place = (1 + l1Clusters + at) * clusterSize;
      this.#l2Places.set(index, place);
      if (!this.tooLarge) writeEntry(this.#tables, clusterSize + index * ENTRY_BYTES, place, 0x80000000);
    }
    this.#next = this.#tables.length;
    this.#use(0, this.#next);
  }

  /** Whether QEMU would not open the file: clusters of this size need too large a table for the disk. */
  get tooLarge(): boolean {
    return this.#l1Entries * ENTRY_BYTES > LARGEST_L1;
  }

  /** Where clusters begin, in bytes. */
  get dataAt(): number {
    return this.#tables.length;
  }

  /** Gives the cluster at `guest` (bytes from the start of the disk) its place; `length`: its compressed bytes. */
  place(guest: number, length: number): ClusterPlace {
    const { clusterSize } = this.#format;
    const entries = clusterSize / ENTRY_BYTES;
    const table = this.#l2Places.get(Math.floor(guest / (clusterSize * entries))) ?? 0;
    const entryAt = table + ((guest / clusterSize) % entries) * ENTRY_BYTES;
    if (length >= clusterSize) {
      const at = Math.ceil(this.#next / clusterSize) * clusterSize;
      this.#tables.writeBigUInt64BE(BigInt(at) | COPIED, entryAt);
      this.#use(at, at + clusterSize);
      this.#next = at + clusterSize;
      return { type: 'whole', at };
    }
    const at = this.#next;
    const sectors = Math.floor((at + length - 1) / SECTOR) - Math.floor(at / SECTOR);
    const shift = BigInt(62 - (Math.log2(clusterSize) - 8));
    this.#tables.writeBigUInt64BE(BigInt(at) | COMPRESSED | (BigInt(sectors) << shift), entryAt);
    this.#use(at, at + length);
    this.#next = at + length;
    return { type: 'packed', at };
  }

  /** What remains to be written when all clusters have their places. */
  finish(): readonly { readonly at: number; readonly bytes: Buffer }[] {
    const { clusterSize } = this.#format;
    const end = Math.ceil(this.#next / clusterSize);
    const { blocks, tableClusters } = layoutRefcounts(end, clusterSize);
    if (tableClusters * clusterSize > LARGEST_REFCOUNT_TABLE) throw new Error('a refcount table too large');
    const tableAt = end * clusterSize;
    const blocksAt = tableAt + tableClusters * clusterSize;
    const size = blocksAt + blocks * clusterSize;
    this.#use(tableAt, size);
    const refcounts = Buffer.alloc((tableClusters + blocks) * clusterSize);
    for (let block = 0; block < blocks; block += 1)
      writeEntry(refcounts, block * ENTRY_BYTES, blocksAt + block * clusterSize, 0);
    for (let cluster = 0; cluster < size / clusterSize; cluster += 1) {
      const users = this.#users[cluster] ?? 0;
      refcounts.writeUInt16BE(users, tableClusters * clusterSize + cluster * REFCOUNT_BYTES);
    }
    writeHeader(this.#tables, this.#format, this.#diskSize, {
      l1Entries: this.#l1Entries,
      l1At: clusterSize,
      tableAt,
      tableClusters,
    });
    return [
      { at: tableAt, bytes: refcounts },
      { at: 0, bytes: this.#tables },
    ];
  }

  #use(start: number, end: number): void {
    const { clusterSize } = this.#format;
    // Readers take whole sectors.
    const last = Math.ceil(end / SECTOR) * SECTOR;
    for (let cluster = Math.floor(start / clusterSize); cluster * clusterSize < last; cluster += 1)
      this.#users[cluster] = (this.#users[cluster] ?? 0) + 1;
  }
}
