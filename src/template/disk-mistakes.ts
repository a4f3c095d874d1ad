import {
  groupNameMistake,
  isLogicalVolume,
  logicalVolumeName,
  ROOT_VOLUME,
  SWAP_VOLUME,
  volumeNameMistake,
} from '../model/logical-volumes.ts';
import type { DiskSpec, VolumeGroupSpec } from '../model/pipeline.ts';

const MBR_PARTITIONS = 4;
/** Folders that are needed before anything is mounted, or that hold no files of the image. */
const NEVER_APART = ['/etc', '/usr', '/bin', '/sbin', '/lib', '/lib64', '/dev', '/proc', '/sys', '/run'];

type Layout = Omit<DiskSpec, 'origin'>;

export interface Mistake {
  readonly path: (string | number)[];
  readonly message: string;
}

/** What is wrong with a layout as a whole, beyond what its single fields tell. */
export function diskMistakes(disk: Layout): Mistake[] {
  const { partitions = [], firmware, table = 'gpt' } = disk;
  const mistakes: Mistake[] = [];
  const mounts = new Set<string>(disk.espMount === undefined ? [] : [disk.espMount]);
  for (const [index, { mount }] of partitions.entries()) {
    const path = ['partitions', index, 'mount'];
    if (mounts.has(mount)) mistakes.push({ path, message: `two partitions are mounted at ${mount}` });
    if (NEVER_APART.some((folder) => folder === mount || mount.startsWith(`${folder}/`))) {
      mistakes.push({ path, message: `${mount} must be part of the root file system` });
    }
    mounts.add(mount);
  }
  if (disk.espMount !== undefined && firmware === 'bios') {
    mistakes.push({ path: ['espMount'], message: 'there is no EFI system partition with `firmware: bios`' });
  }
  if (table === 'mbr') {
    const swap = disk.swap === undefined || disk.lvm !== undefined ? 0 : 1;
    const apart = partitions.filter((partition) => !isLogicalVolume(disk, partition)).length;
    const needed = 1 + (firmware === 'bios' ? 0 : 1) + swap + apart;
    if (needed > MBR_PARTITIONS) {
      const message = `an mbr has ${MBR_PARTITIONS} partitions, and this disk needs ${needed}; use gpt`;
      mistakes.push({ path: ['table'], message });
    }
    if (disk.growRoot === true) {
      mistakes.push({ path: ['growRoot'], message: 'systemd-repart grows partitions of a gpt only' });
    }
    if (disk.size !== 'fit' && disk.size > 2 ** 41) {
      mistakes.push({ path: ['size'], message: 'an mbr reaches 2 TiB; use gpt' });
    }
  }
  return [...mistakes, ...(disk.lvm === undefined ? strayFields(disk) : groupMistakes(disk, disk.lvm))];
}

/** Fields of logical volumes without a group. */
function strayFields({ partitions = [] }: Layout): Mistake[] {
  const message = 'the disk has no volume group; name one in `disk.lvm.group`';
  return partitions.flatMap(({ lvm, name }, index) => [
    ...(lvm === true ? [{ path: ['partitions', index, 'lvm'], message }] : []),
    ...(name === undefined ? [] : [{ path: ['partitions', index, 'name'], message }]),
  ]);
}

/** What LVM has against the names, and what a disk with a volume group cannot do. */
function groupMistakes(disk: Layout, { group }: VolumeGroupSpec): Mistake[] {
  const mistakes: Mistake[] = [];
  const add = (path: Mistake['path'], message: string | undefined): void => {
    if (message !== undefined) mistakes.push({ path, message });
  };
  add(['lvm', 'group'], groupNameMistake(group));
  if (disk.growRoot === true) {
    add(['growRoot'], 'systemd-repart grows partitions only, not logical volumes');
  }
  const names = new Set([ROOT_VOLUME, ...(disk.swap === undefined ? [] : [SWAP_VOLUME])]);
  for (const [index, partition] of (disk.partitions ?? []).entries()) {
    const path = ['partitions', index, partition.name === undefined ? 'mount' : 'name'];
    if (!isLogicalVolume(disk, partition)) {
      if (partition.name !== undefined) add(path, 'only logical volumes have names');
      continue;
    }
    const name = logicalVolumeName(partition);
    if (names.has(name))
      add(path, `two logical volumes have the name "${name}"; give this one another \`name\``);
    else add(path, volumeNameMistake(group, name));
    names.add(name);
  }
  return mistakes;
}
