import type { ConvertContext } from '../convert.ts';
import type { DiskImage } from '../disk-image.ts';
import type { ExportedFile } from '../exporter.ts';
import { writeImage } from '../write-image.ts';
import { layoutSparseExtent } from './sparse-extent.ts';
import { writeStreamOptimized } from './stream-optimized.ts';

const SECTOR = 512;

export interface VmdkRequest {
  readonly disk: { readonly image: DiskImage; readonly size: number };
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
 * @returns the file's checksum where it is known from writing
 * @throws FailureError `export-failed`, `disk-full`, `tool-missing`, `aborted`
 */
export async function makeVmdk(
  context: ConvertContext,
  request: VmdkRequest,
): Promise<ExportedFile | undefined> {
  const descriptor = descriptorText(request);
  if (request.subformat === 'streamOptimized') {
    await writeStreamOptimized(context, { ...request, descriptor });
    return undefined;
  }
  const { image } = request.disk;
  const { signal, progress } = context;
  return await writeImage({
    path: request.to,
    parts: layoutSparseExtent(image, descriptor),
    image,
    signal,
    progress,
  });
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
