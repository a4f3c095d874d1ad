import type { DiskRequest } from '../../model/disk-request.ts';
import { isLogicalVolume, logicalVolumeName, ROOT_VOLUME, SWAP_VOLUME } from '../../model/logical-volumes.ts';
import type { FileSystemType } from '../../model/pipeline.ts';
import type { Architecture } from '../../model/platform.ts';
import {
  FIT_STEP,
  fitFileSystem,
  inodesFor,
  journalFor,
  roundDown,
  roundUp,
  type TreeSize,
} from './file-system-size.ts';
import { PARTITION_TYPES, SECTOR, type Partition, type PartitionTable } from './gpt.ts';
import { derivedUuid } from './guid.ts';
import { mbrPartitionUuid, sectorsAtEnd } from './mbr.ts';
import { GroupPlan, type VolumeGroup } from './volume-group.ts';

/** Partitions start and end on whole mebibytes, as every partitioning tool of the last ten years does it. */
const ALIGNMENT = 2 ** 20;
const ALIGNED_SECTORS = ALIGNMENT / SECTOR;

/** A file system on a partition or logical volume, with the part of the image's tree that lies below a folder. */
export interface Volume {
  /** Label of the file system. */
  readonly name: string;
  readonly mount: string;
  readonly fileSystem: FileSystemType;
  readonly partition: Partition;
  /** UUID of the file system, also the seed of ext4's directory hashes. */
  readonly uuid: string;
  /** Of ext4. */
  readonly inodes: number;
  /** Of ext4. */
  readonly journalMebibytes: number;
}

/**
 * Where everything lies on a disk, and how its root file system is laid out. Sizes in bytes unless named otherwise. It
 * is part of the key of a disk's base: what only some disks have is left out of all others.
 */
export interface DiskLayout {
  readonly table: PartitionTable;
  readonly size: number;
  readonly biosBoot?: Partition;
  readonly esp?: Partition;
  readonly root: Partition;
  readonly rootUuid: string;
  /** 32-bit volume id of the ESP, eight hex digits. */
  readonly espVolumeId: string;
  readonly inodes: number;
  readonly journalMebibytes: number;
  /** Default: ext4. */
  readonly rootFileSystem?: FileSystemType;
  /** The file systems beside the root's, in the order of their partitions. */
  readonly volumes?: readonly Volume[];
  readonly swap?: { readonly partition: Partition; readonly uuid: string };
  /** Folder whose files the ESP holds. */
  readonly espMount?: string;
  /** Its logical volumes hold the root and whatever of the others lies inside its partition. */
  readonly volumeGroup?: VolumeGroup;
}

/** How kernel and fstab(5) name a partition or logical volume. */
export function sourceOf({ uuid, device }: Partition): string {
  return device ?? `PARTUUID=${uuid}`;
}

/** What a file system is made for: all that its bytes depend on beside its place and its files. */
export interface VolumeRequest {
  readonly layout: Pick<DiskLayout, 'size' | 'volumeGroup'>;
  readonly request: Pick<DiskRequest, 'sourceDateEpoch'>;
}

/** The root's file system as one among others. */
export function rootVolume(layout: DiskLayout): Volume {
  return {
    name: 'root',
    mount: '/',
    fileSystem: layout.rootFileSystem ?? 'ext4',
    partition: layout.root,
    uuid: layout.rootUuid,
    inodes: layout.inodes,
    journalMebibytes: layout.journalMebibytes,
  };
}

/** All file systems with files of the image; one inside another one's folder comes before it, the root's last. */
export function volumesOf(layout: DiskLayout): readonly Volume[] {
  const inner = (layout.volumes ?? []).toSorted((a, b) => b.mount.length - a.mount.length);
  return [...inner, rootVolume(layout)];
}

/** The file system that holds a path of the image. */
export function volumeOf(layout: DiskLayout, path: string): Volume {
  const found = volumesOf(layout).find(({ mount }) => path === mount || path.startsWith(`${mount}/`));
  return found ?? rootVolume(layout);
}

/**
 * Lays out the disk. Depends on nothing but the request and the sizes.
 * @param sizeOf the files below a mount point that lie in its file system, as `entryBytes` counts them
 */
export function planLayout(request: DiskRequest, sizeOf: (mount: string) => TreeSize): DiskLayout {
  const { spec, seed } = request;
  const scheme = spec.table ?? 'gpt';
  const uuid = (name: string): string => derivedUuid(seed, name);
  const partitions: Partition[] = [];
  let next = ALIGNED_SECTORS;
  const place = (name: string, type: string, sectors: number, id = `partition/${name}`): Partition => {
    const own = scheme === 'mbr' ? mbrPartitionUuid(uuid('disk'), partitions.length + 1) : uuid(id);
    const partition = { name, type, uuid: own, start: next, sectors };
    next += sectors;
    partitions.push(partition);
    return partition;
  };
  const whole = (bytes: number): number => roundUp(bytes, ALIGNMENT) / SECTOR;
  // With an MBR the loader lies in the gap before the first partition.
  const biosBoot =
    spec.firmware === 'uefi' || scheme === 'mbr'
      ? undefined
      : place('bios', PARTITION_TYPES.biosBoot, ALIGNED_SECTORS);
  const esp = spec.firmware === 'bios' ? undefined : place('esp', PARTITION_TYPES.esp, whole(spec.espSize));
  const swapPartition =
    spec.swap === undefined || spec.lvm !== undefined
      ? undefined
      : place('swap', PARTITION_TYPES.swap, whole(spec.swap));
  const labels = volumeLabels((spec.partitions ?? []).map(({ mount }) => mount));
  const wanted = (spec.partitions ?? []).map((item, index) => ({ ...item, label: labels[index] ?? '' }));
  const volumeOn = (item: (typeof wanted)[number], take: (bytes: number) => Partition): Volume => {
    const { mount, fileSystem, size, free, label } = item;
    const files = sizeOf(mount);
    const bytes = size === 'fit' ? roundUp(fitFileSystem(fileSystem, files, free), FIT_STEP) : size;
    const partition = take(bytes);
    const facts = fileSystemFacts(uuid(`mounted-file-system${mount}`), partition, files);
    return { name: label, mount, fileSystem, partition, ...facts };
  };
  const volumes = wanted
    .filter((item) => !isLogicalVolume(spec, item))
    .map((item) =>
      volumeOn(item, (bytes) =>
        place(item.label, mountType(item.mount), whole(bytes), `mounted${item.mount}`),
      ),
    );
  // Its physical volume is the last partition: what lies in it comes after all that lies apart.
  const group = spec.lvm && new GroupPlan(seed, spec.lvm, next);
  const swap = swapPartition ?? (spec.swap === undefined ? undefined : group?.place(SWAP_VOLUME, spec.swap));
  if (group !== undefined) {
    for (const item of wanted.filter((one) => isLogicalVolume(spec, one)))
      volumes.push(volumeOn(item, (bytes) => group.place(logicalVolumeName(item), bytes)));
  }
  const rootFileSystem = spec.fileSystem ?? 'ext4';
  const files = sizeOf('/');
  const rootBytes = fitFileSystem(rootFileSystem, files, spec.free);
  const size =
    spec.size === 'fit'
      ? roundUp((group?.endWith(rootBytes) ?? next * SECTOR + rootBytes) + ALIGNMENT, FIT_STEP)
      : roundDown(spec.size, ALIGNMENT);
  const diskSectors = size / SECTOR;
  const lastEnd = roundDown(diskSectors - sectorsAtEnd(scheme), ALIGNED_SECTORS);
  const left = Math.max(0, lastEnd - next);
  const root = group?.placeLast(ROOT_VOLUME, lastEnd) ?? place('root', rootType(request.architecture), left);
  const volumeGroup = group?.finish(place('lvm', PARTITION_TYPES.lvm, left));
  const { uuid: rootUuid, ...facts } = fileSystemFacts(uuid('file-system/root'), root, files);
  return {
    table: { ...(scheme === 'mbr' && { scheme }), diskUuid: uuid('disk'), diskSectors, partitions },
    size,
    ...(biosBoot && { biosBoot }),
    ...(esp && { esp }),
    root,
    rootUuid,
    espVolumeId: uuid('file-system/esp').slice(0, 8),
    ...facts,
    ...(rootFileSystem !== 'ext4' && { rootFileSystem }),
    ...(volumes.length > 0 && { volumes }),
    ...(swap && { swap: { partition: swap, uuid: uuid('file-system/swap') } }),
    ...(spec.espMount !== undefined && { espMount: spec.espMount }),
    ...(volumeGroup && { volumeGroup }),
  };
}

/** Labels by mount points, no two alike; XFS has the shortest ones, with twelve characters. */
function volumeLabels(mounts: readonly string[]): string[] {
  const taken = new Set(['root', 'swap', 'ESP']);
  return mounts.map((mount) => {
    const whole = mount.slice(1).replaceAll('/', '-');
    let name = whole.slice(0, 12);
    for (let number = 2; taken.has(name); number += 1)
      name = `${whole.slice(0, 11 - `${number}`.length)}-${number}`;
    taken.add(name);
    return name;
  });
}

/** What ext4 is told of its size. */
export function fileSystemFacts(
  uuid: string,
  partition: Partition,
  files: TreeSize,
): Pick<Volume, 'uuid' | 'inodes' | 'journalMebibytes'> {
  const bytes = partition.sectors * SECTOR;
  return { uuid, inodes: inodesFor(bytes, files.entries), journalMebibytes: journalFor(bytes) };
}

/** Root partition types by architecture, so that systemd finds and grows the root file system by itself. */
function rootType(architecture: Architecture): string {
  if (architecture === 'amd64') return PARTITION_TYPES.rootAmd64;
  if (architecture === 'arm64') return PARTITION_TYPES.rootArm64;
  return architecture === 'i386' ? PARTITION_TYPES.rootI386 : PARTITION_TYPES.linux;
}

/** Types of the Discoverable Partitions Specification; that of /var would have to be tied to one machine's id. */
function mountType(mount: string): string {
  if (mount === '/boot') return PARTITION_TYPES.boot;
  if (mount === '/home') return PARTITION_TYPES.home;
  return mount === '/srv' ? PARTITION_TYPES.serverData : PARTITION_TYPES.linux;
}
