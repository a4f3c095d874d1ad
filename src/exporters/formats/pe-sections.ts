import { FailureError } from '../../diagnostics/failure.ts';

/** A section to be added to a program. */
export interface PeSection {
  /** At most eight ASCII characters, with the dot. */
  readonly name: string;
  readonly content: Buffer;
}

const SECTION_HEADER = 40;
/** Readable, initialised data. */
const DATA = 0x4000_0040;

/**
 * A program in Microsoft's PE format (PE Format, revision of 2025) with sections added behind its own, each at the
 * next address that the program's alignment allows.
 * @throws FailureError `export-failed` when it is no PE32+ program or its header has no room
 */
export function addPeSections(program: Buffer, sections: readonly PeSection[]): Buffer {
  const pe = program.length < 64 ? 0 : program.readUInt32LE(0x3c);
  const optional = pe + 24;
  if (program.toString('latin1', pe, pe + 4) !== 'PE\0\0' || program.readUInt16LE(optional) !== 0x20b) {
    throw new FailureError({ reason: 'export-failed', message: 'the EFI stub is not a PE32+ program' });
  }
  const count = program.readUInt16LE(pe + 6);
  const table = optional + program.readUInt16LE(pe + 20);
  const alignment = program.readUInt32LE(optional + 32);
  const fileAlignment = program.readUInt32LE(optional + 36);
  const headerSize = program.readUInt32LE(optional + 60);
  if (table + (count + sections.length) * SECTION_HEADER > headerSize) {
    throw new FailureError({
      reason: 'export-failed',
      message: 'the EFI stub has no room for more sections',
    });
  }
  const header = Buffer.from(program.subarray(0, headerSize));
  let address = 0;
  let fileEnd = headerSize;
  for (let at = table; at < table + count * SECTION_HEADER; at += SECTION_HEADER) {
    address = Math.max(address, header.readUInt32LE(at + 12) + header.readUInt32LE(at + 8));
    fileEnd = Math.max(fileEnd, header.readUInt32LE(at + 20) + header.readUInt32LE(at + 16));
  }
  // What lies behind the last section (a symbol table, a signature) has no place in the new program.
  const parts = [header, program.subarray(headerSize, fileEnd)];
  let offset = fileEnd;
  let initialized = header.readUInt32LE(optional + 8);
  for (const [index, { name, content }] of sections.entries()) {
    address = roundUp(address, alignment);
    const start = roundUp(offset, fileAlignment);
    const size = roundUp(content.length, fileAlignment);
    const at = table + (count + index) * SECTION_HEADER;
    header.fill(0, at, at + SECTION_HEADER);
    header.write(name, at, 8, 'latin1');
    header.writeUInt32LE(content.length, at + 8);
    header.writeUInt32LE(address, at + 12);
    header.writeUInt32LE(size, at + 16);
    header.writeUInt32LE(start, at + 20);
    header.writeUInt32LE(DATA, at + 36);
    parts.push(Buffer.alloc(start - offset), content, Buffer.alloc(size - content.length));
    offset = start + size;
    address += content.length;
    initialized += size;
  }
  header.writeUInt16LE(count + sections.length, pe + 6);
  // Symbols are gone, and the checksum is not looked at for applications.
  header.writeBigUInt64LE(0n, pe + 12);
  header.writeUInt32LE(initialized >>> 0, optional + 8);
  header.writeUInt32LE(roundUp(address, alignment), optional + 56);
  header.writeUInt32LE(0, optional + 64);
  return Buffer.concat(parts);
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
