import type { DiskSpec } from '../../model/pipeline.ts';

export interface DiskProgram {
  readonly name: string;
  /** Option that shows its version. */
  readonly version: string;
  /** Debian package that holds it. */
  readonly package: string;
  readonly isForEsp?: boolean;
}

const PROGRAMS: readonly DiskProgram[] = [
  { name: 'mke2fs', version: '-V', package: 'e2fsprogs' },
  { name: 'debugfs', version: '-V', package: 'e2fsprogs' },
  { name: 'grub-mkimage', version: '--version', package: 'grub-common' },
  { name: 'mkfs.fat', version: '--help', package: 'dosfstools', isForEsp: true },
  { name: 'mcopy', version: '--version', package: 'mtools', isForEsp: true },
];
const FILE_SYSTEM_PROGRAMS: Readonly<Record<string, DiskProgram>> = {
  xfs: { name: 'mkfs.xfs', version: '-V', package: 'xfsprogs' },
  btrfs: { name: 'mkfs.btrfs', version: '--version', package: 'btrfs-progs' },
};

type FileSystems = Pick<DiskSpec, 'fileSystem' | 'partitions'>;

/** Programs that a disk of this layout is made with. */
export function programsOf(spec: FileSystems): DiskProgram[] {
  return [...PROGRAMS, ...[...fileSystemsOf(spec)].flatMap((type) => FILE_SYSTEM_PROGRAMS[type] ?? [])];
}

/** Whether the same layers give the same bytes of a disk: mkfs.btrfs takes some of them from chance. */
export function isReproducible(spec: FileSystems): boolean {
  return !fileSystemsOf(spec).has('btrfs');
}

function fileSystemsOf({ fileSystem = 'ext4', partitions = [] }: FileSystems): Set<string> {
  return new Set([fileSystem, ...partitions.map((partition) => partition.fileSystem)]);
}
