import { FailureError } from '../../diagnostics/failure.ts';
import { alignRanges } from '../../util/byte-ranges.ts';
import { dataOf, type DiskImage } from '../disk-image.ts';
import type { ExportContext, ExportedFile } from '../exporter.ts';
import { writeImage } from '../write-image.ts';
import { layoutQcow2 } from './layout.ts';

export interface Qcow2Options {
  /** Bytes, a power of two. */
  readonly clusterSize: number;
  /** `compat` level. */
  readonly version: '0.10' | '1.1';
}

/**
 * Writes a disk as uncompressed qcow2 in one pass; qemu-img would read a copy of it, and its output would be read again for
 * the checksum.
 * @throws FailureError `export-failed` when the clusters are too small; what `writeImage` throws
 */
export async function writeQcow2(
  image: DiskImage,
  { clusterSize, version }: Qcow2Options,
  { outputPath: path, signal, progress }: Pick<ExportContext, 'outputPath' | 'signal' | 'progress'>,
): Promise<ExportedFile> {
  const data = alignRanges(dataOf(image), clusterSize);
  const layout = layoutQcow2(image.size, data, { clusterSize, version: version === '1.1' ? 3 : 2 });
  if (layout === undefined) {
    throw new FailureError({
      reason: 'export-failed',
      message: `clusters of ${clusterSize} bytes are too small for a disk of ${image.size} bytes`,
      hint: 'give clusterSize a larger value; the default of 65536 holds any disk up to 2 PiB',
    });
  }
  const clusters = data.map(({ start, end }) => ({ type: 'disk', start, end }) as const);
  const parts = [{ type: 'bytes', bytes: layout.metadata } as const, ...clusters];
  return await writeImage({ path, parts, image, signal, progress });
}
