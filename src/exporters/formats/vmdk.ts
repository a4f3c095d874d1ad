import { open } from 'node:fs/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { convertDisk, type ConvertContext } from '../convert.ts';
import { writeStreamOptimized } from './stream-optimized.ts';

const SECTOR = 512;

export interface VmdkRequest {
  readonly disk: { readonly path: string; readonly size: number };
  readonly to: string;
  readonly subformat: 'monolithicSparse' | 'streamOptimized';
  readonly adapter: 'ide' | 'lsilogic' | 'buslogic' | 'legacyESX';
  /** Version of VMware's virtual hardware, e.g. 13. */
  readonly hardwareVersion: number;
  /** Name that the file will have: VMware looks for the extent of a monolithicSparse disk under it. */
  readonly name: string;
  /** Content id: eight hex digits that differ for disks that differ. */
  readonly contentId: string;
  /** Effort of the compression of `streamOptimized`, 1 to 9. */
  readonly level: number;
}

/**
 * Writes a VMDK: the same disk gives the same bytes.
 * @throws FailureError `export-failed`, `disk-full`, `tool-missing`, `aborted`
 */
export async function makeVmdk(context: ConvertContext, request: VmdkRequest): Promise<void> {
  if (request.subformat === 'streamOptimized') {
    await writeStreamOptimized(context, { ...request, descriptor: descriptorText(request) });
    return;
  }
  const options = ['subformat=monolithicSparse', `adapter_type=${request.adapter}`];
  await convertDisk(context, { from: request.disk.path, to: request.to, format: 'vmdk', options });
  await replaceDescriptor(request.to, descriptorText(request));
}

/** The text descriptor (VMware Virtual Disk Format 1.1, "The Descriptor File"). */
function descriptorText(request: VmdkRequest): string {
  const sectors = Math.ceil(request.disk.size / SECTOR);
  const heads = request.adapter === 'ide' ? 16 : 255;
  const cylinders = Math.floor(sectors / (63 * heads));
  return [
    '# Disk DescriptorFile',
    'version=1',
    `CID=${request.contentId}`,
    'parentCID=ffffffff',
    `createType="${request.subformat}"`,
    '',
    '# Extent description',
    `RW ${sectors} SPARSE "${request.name}"`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    `ddb.virtualHWVersion = "${request.hardwareVersion}"`,
    `ddb.geometry.cylinders = "${request.adapter === 'ide' ? Math.min(cylinders, 16383) : cylinders}"`,
    `ddb.geometry.heads = "${heads}"`,
    'ddb.geometry.sectors = "63"',
    `ddb.adapterType = "${request.adapter}"`,
    'ddb.toolsVersion = "2147483647"',
    '',
  ].join('\n');
}

/**
 * Puts our descriptor in the place of qemu-img's, which has a random content id and the name of the temporary file.
 * Header of a sparse extent ("Hosted Sparse Extents"): magic `KDMV` at 0, first sector of the descriptor as 64-bit
 * number at 28, its length in sectors at 36. The text is filled up with zeros.
 */
async function replaceDescriptor(path: string, text: string): Promise<void> {
  await using file = await open(path, 'r+');
  const header = Buffer.alloc(SECTOR);
  await file.read(header, 0, SECTOR, 0);
  const offset = Number(header.readBigUInt64LE(28)) * SECTOR;
  const length = Number(header.readBigUInt64LE(36)) * SECTOR;
  if (header.toString('latin1', 0, 4) !== 'KDMV' || text.length > length) {
    throw new FailureError({ reason: 'export-failed', message: 'qemu-img wrote a VMDK of an unknown form' });
  }
  const descriptor = Buffer.alloc(length);
  descriptor.write(text);
  await file.write(descriptor, 0, length, offset);
}
