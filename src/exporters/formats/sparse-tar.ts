import type { ByteRange } from '../../util/byte-ranges.ts';

const RECORD = 512;
/** Regions that the header of a file has room for, and each record after it. */
const IN_HEADER = 4;
const IN_EXTENSION = 21;
const REGION = 24;

export interface SparseMember {
  readonly name: string;
  /** Bytes of the whole file. */
  readonly size: number;
  /** Where it has data, ascending, in whole records of 512 bytes; what lies between is zero. */
  readonly data: readonly ByteRange[];
  /** Seconds since 1970. */
  readonly mtime: number;
}

/**
 * What comes before the data of a sparse file in a tar of GNU's old format, and after it: the data itself follows the
 * header region by region ("Storing Sparse Files" and `struct sparse` of GNU tar's manual, "Basic Tar Format").
 */
export function sparseMember({ name, size, data, mtime }: SparseMember): {
  readonly before: Buffer;
  readonly after: Buffer;
} {
  const stored = data.reduce((sum, { start, end }) => sum + end - start, 0);
  const last = data.at(-1);
  // A hole at the end is told by an empty region.
  const regions = last?.end === size ? data : [...data, { start: size, end: size }];
  const header = Buffer.alloc(RECORD);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  writeNumber(header, stored, 124);
  writeNumber(header, mtime, 136);
  header.write('S', 156);
  header.write('ustar  \0', 257);
  writeRegions(header, regions.slice(0, IN_HEADER), 386);
  header[482] = regions.length > IN_HEADER ? 1 : 0;
  writeNumber(header, size, 483);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const extensions: Buffer[] = [];
  for (let at = IN_HEADER; at < regions.length; at += IN_EXTENSION) {
    const extension = Buffer.alloc(RECORD);
    writeRegions(extension, regions.slice(at, at + IN_EXTENSION), 0);
    extension[IN_EXTENSION * REGION] = at + IN_EXTENSION < regions.length ? 1 : 0;
    extensions.push(extension);
  }
  // Two records of zeros end the archive.
  return { before: Buffer.concat([header, ...extensions]), after: Buffer.alloc(2 * RECORD) };
}

function writeRegions(record: Buffer, regions: readonly ByteRange[], at: number): void {
  for (const [index, { start, end }] of regions.entries()) {
    writeNumber(record, start, at + index * REGION);
    writeNumber(record, end - start, at + index * REGION + 12);
  }
}

/** Twelve bytes: octal digits, or from 8 GiB on binary with the highest bit set. */
function writeNumber(record: Buffer, value: number, at: number): void {
  if (value < 8 ** 11) record.write(`${value.toString(8).padStart(11, '0')}\0`, at);
  else {
    record[at] = 0x80;
    record.writeBigUInt64BE(BigInt(value), at + 4);
  }
}
