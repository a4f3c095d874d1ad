import type { Failure } from '../../diagnostics/failure.ts';
import { SECTOR } from './gpt.ts';
import type { Volume, VolumeRequest } from './layout.ts';

/**
 * The failure of files that do not fit the disk.
 * @param missing bytes that it lacks, as far as known
 */
export function tooLarge(size: number, missing?: number): Failure {
  const by = missing === undefined ? '' : ` by about ${mebibytes(missing)}`;
  return {
    reason: 'image-too-large',
    message: `the image's files do not fit a disk of ${mebibytes(size)}${by}`,
    hint: 'give disk.size a larger value, or "fit" to take what the files need',
  };
}

/**
 * The failure of files that do not fit their partition; that of the root's is the disk's.
 * @param needed bytes that it would have to have, as far as known
 */
export function volumeTooSmall(
  layout: VolumeRequest['layout'],
  { mount, partition }: Volume,
  needed?: number,
): Failure {
  const size = partition.sectors * SECTOR;
  if (mount === '/') return tooLarge(layout.size, needed === undefined ? undefined : needed - size);
  return {
    reason: 'image-too-large',
    message: `the files below ${mount} do not fit a partition of ${mebibytes(size)}`,
    hint: `give it ${needed === undefined ? 'more' : `at least ${mebibytes(needed)}`} in disk.partitions, or "fit"`,
  };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
