import type { Failure } from '../../diagnostics/failure.ts';
import { roundUp } from './file-system-size.ts';
import { SECTOR } from './gpt.ts';
import type { Volume, VolumeRequest } from './layout.ts';
import type { VolumeGroup } from './volume-group.ts';

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
  const { volumeGroup } = layout;
  if (mount === '/' && volumeGroup !== undefined && needed !== undefined) {
    return groupTooSmall(layout.size, volumeGroup, needed);
  }
  if (mount === '/') return tooLarge(layout.size, needed === undefined ? undefined : needed - size);
  const what = partition.device === undefined ? 'partition' : 'logical volume';
  return {
    reason: 'image-too-large',
    message: `the files below ${mount} do not fit a ${what} of ${mebibytes(size)}`,
    hint: `give it ${needed === undefined ? 'more' : `at least ${mebibytes(needed)}`} in disk.partitions, or "fit"`,
  };
}

/** Of the root in a volume group, which takes what the others have left. */
function groupTooSmall(size: number, group: VolumeGroup, rootBytes: number): Failure {
  const extent = group.extentSectors * SECTOR;
  const sizes = group.volumes.map(({ name, sectors }, index) => {
    const isRoot = index === group.volumes.length - 1;
    return { name, bytes: isRoot ? roundUp(rootBytes, extent) : sectors * SECTOR };
  });
  if (group.keptSectors > 0) sizes.push({ name: 'free space', bytes: group.keptSectors * SECTOR });
  const needed = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const has = mebibytes(group.extents * extent);
  const parts = sizes.map(({ name, bytes }) => `${name} ${mebibytes(bytes)}`).join(', ');
  return {
    reason: 'image-too-large',
    message: `the volume group ${group.name} has ${has} on a disk of ${mebibytes(size)}, and needs ${mebibytes(needed)}: ${parts}`,
    hint: 'give disk.size a larger value, or "fit" to take what the volumes need',
  };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MiB`;
}
