import type { DiskSpec, PartitionSpec } from './pipeline.ts';

/** Names of the logical volumes that are no partition of the template. */
export const ROOT_VOLUME = 'root';
export const SWAP_VOLUME = 'swap';

/** Characters that the device mapper has for a name (Linux, DM_NAME_LEN without its end). */
const LONGEST_DEVICE = 127;
/** What LVM keeps for volumes of its own (lvm(8), "Valid names"). */
const RESERVED_NAMES = /^(\.|\.\.|snapshot.*|pvmove.*)$/;
const RESERVED_PARTS =
  /_(cdata|cmeta|corig|cpool|cvol|wcorig|iorig|imeta|mimage|mlog|pmspare|rimage|rmeta|tdata|tmeta|vdata|vorigin)/;
/** Folders of /dev, in which the group is to have one of its name. */
const DEVICE_FOLDERS =
  /^(block|bsg|bus|char|cpu|disk|dma_heap|dri|fd|hugepages|input|mapper|mqueue|net|pts|shm|snd|vfio)$/;

/** Whether a partition of the template is a logical volume. */
export function isLogicalVolume(disk: Pick<DiskSpec, 'lvm'>, { lvm }: Pick<PartitionSpec, 'lvm'>): boolean {
  return disk.lvm !== undefined && lvm !== false;
}

/** Name of a partition's logical volume: its own, or the mount point's with hyphens, e.g. `var-log` for `/var/log`. */
export function logicalVolumeName({ name, mount }: Pick<PartitionSpec, 'name' | 'mount'>): string {
  return name ?? mount.slice(1).replaceAll('/', '-').replaceAll('@', '_');
}

/** Where the machine finds a logical volume: the device mapper joins both names by a hyphen and doubles their own. */
export function mapperPath(group: string, volume: string): string {
  const quoted = [group, volume].map((name) => name.replaceAll('-', '--'));
  return `/dev/mapper/${quoted.join('-')}`;
}

/** What LVM has against the name of a volume group. */
export function groupNameMistake(group: string): string | undefined {
  if (DEVICE_FOLDERS.test(group))
    return `"${group}" is a folder of /dev, where the volume group is to have its own`;
  return nameMistake(group);
}

/** What LVM has against the name of a logical volume in a group. */
export function volumeNameMistake(group: string, name: string): string | undefined {
  const reserved = RESERVED_NAMES.test(name) ? name : RESERVED_PARTS.exec(name)?.[0];
  if (reserved !== undefined) return `"${reserved}" in names is kept by LVM for volumes of its own`;
  const device = mapperPath(group, name).slice('/dev/mapper/'.length);
  if (device.length > LONGEST_DEVICE) {
    return `"${device}", which the volume is called as a device, has ${device.length} characters, and ${LONGEST_DEVICE} are possible`;
  }
  return nameMistake(name);
}

function nameMistake(name: string): string | undefined {
  if (/^[A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,126}$/.test(name) && !/^\.\.?$/.test(name)) return undefined;
  return `"${name}" is no name for LVM: letters, digits and _ + . - are possible, no - at the beginning, 127 characters at most`;
}
