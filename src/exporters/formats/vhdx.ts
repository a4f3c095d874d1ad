import { open, type FileHandle } from 'node:fs/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { crc32c } from '../disk/crc32c.ts';
import { guidBytes, guidText } from '../disk/guid.ts';

/** Places of a VHDX file ([MS-VHDX] 2.2). */
const HEADERS = [64 * 1024, 128 * 1024] as const;
const HEADER_SIZE = 4096;
const REGION_TABLE = 192 * 1024;
const METADATA_REGION = '8b7ca206-4790-4b9a-b8fe-575f050f886e';
const PAGE_83_DATA = 'beca12ab-b2e6-4523-93ef-c309e000c746';

/** The identifiers of a VHDX, in text form. */
export interface VhdxIdentity {
  /** Changes whenever the file is written to. */
  readonly fileWrite: string;
  /** Changes whenever the disk's content changes. */
  readonly dataWrite: string;
  /** The SCSI identifier that the guest sees. */
  readonly page83: string;
}

/**
 * Sets what qemu-img takes from chance: the identifiers, the first sequence number, and what the log still holds of
 * the writing of the file. The log is not in use (its id in the header is zero), so its bytes have no meaning.
 */
export async function identifyVhdx(path: string, identity: VhdxIdentity): Promise<void> {
  await using file = await open(path, 'r+');
  for (const [index, offset] of HEADERS.entries()) {
    const header = await read(file, offset, HEADER_SIZE);
    if (header.toString('latin1', 0, 4) !== 'head' || header.subarray(48, 64).some((byte) => byte !== 0)) {
      throw unknownForm();
    }
    if (index === 0) await clearLog(file, header);
    // The header with the higher number counts; qemu-img writes the first one last.
    header.writeBigUInt64LE(BigInt(HEADERS.length - index), 8);
    guidBytes(identity.fileWrite).copy(header, 16);
    guidBytes(identity.dataWrite).copy(header, 32);
    header.writeUInt32LE(0, 4);
    header.writeUInt32LE(checksum(header), 4);
    await file.write(header, 0, HEADER_SIZE, offset);
  }
  await file.write(guidBytes(identity.page83), 0, 16, await page83Offset(file));
}

async function clearLog(file: FileHandle, header: Buffer): Promise<void> {
  const length = header.readUInt32LE(68);
  await file.write(Buffer.alloc(length), 0, length, Number(header.readBigUInt64LE(72)));
}

/** CRC-32C of a structure whose own checksum field is zero. */
function checksum(bytes: Buffer): number {
  return (crc32c(0xffffffff, bytes) ^ 0xffffffff) >>> 0;
}

/** Where the value of the "page 83" item lies: region table → metadata table → item ([MS-VHDX] 2.2.3 and 2.6). */
async function page83Offset(file: FileHandle): Promise<number> {
  const regions = await read(file, REGION_TABLE, 64 * 1024);
  for (let entry = 16; entry < 16 + 32 * regions.readUInt32LE(8); entry += 32) {
    if (guidText(regions.subarray(entry, entry + 16)) !== METADATA_REGION) continue;
    const region = Number(regions.readBigUInt64LE(entry + 16));
    const table = await read(file, region, 64 * 1024);
    for (let item = 32; item < 32 + 32 * table.readUInt16LE(10); item += 32) {
      if (guidText(table.subarray(item, item + 16)) === PAGE_83_DATA)
        return region + table.readUInt32LE(item + 16);
    }
  }
  throw unknownForm();
}

async function read(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await file.read(bytes, 0, length, offset);
  return bytes;
}

function unknownForm(): FailureError {
  return new FailureError({ reason: 'export-failed', message: 'qemu-img wrote a VHDX of an unknown form' });
}
