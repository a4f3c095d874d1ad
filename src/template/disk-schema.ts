import * as z from 'zod';
import type { DiskSpec } from '../model/pipeline.ts';
import { sizeField } from '../schema/fields.ts';

const MBR_PARTITIONS = 4;
/** Folders that are needed before anything is mounted, or that hold no files of the image. */
const NEVER_APART = ['/etc', '/usr', '/bin', '/sbin', '/lib', '/lib64', '/dev', '/proc', '/sys', '/run'];

const mountField = () =>
  z
    .string()
    .regex(
      /^(\/[A-Za-z0-9._@+-]+)+$/,
      'must be an absolute path such as /var, without blanks and a slash at its end',
    )
    .refine(
      (path) => !path.split('/').some((part) => part === '.' || part === '..'),
      'must have no . and ..',
    );
const fileSystemField = () => z.enum(['ext4', 'xfs', 'btrfs']);

/** A partition beside the root's. */
const partitionSchema = z
  .strictObject({
    mount: mountField().describe('Folder whose files go into the partition, and where it is mounted.'),
    fileSystem: fileSystemField().default('ext4').describe('File system of the partition.'),
    size: z
      .union([z.literal('fit'), sizeField()])
      .default('fit')
      .describe('Size of the partition; `fit` takes what the files need plus `free`.'),
    free: sizeField().prefault('64MiB').describe('Free space in the file system when the size is `fit`.'),
  })
  .describe('A partition for a part of the tree.');

/** The disk of an image. */
export const diskSchema = z
  .strictObject({
    size: z
      .union([z.literal('fit'), sizeField()])
      .default('fit')
      .describe('Size of the disk, such as `2GiB`; `fit` takes what the files need plus `free`.'),
    free: sizeField()
      .prefault('256MiB')
      .describe('Free space in the root file system when the size is `fit`.'),
    espSize: sizeField().prefault('64MiB').describe('Size of the EFI system partition.'),
    firmware: z.enum(['bios', 'uefi', 'both']).default('both').describe('What can boot the disk.'),
    kernelArgs: z
      .array(z.string().min(1))
      .default([])
      .describe('Kernel command line after `root=`; `kernel-args` steps add to it.'),
    table: z
      .enum(['gpt', 'mbr'])
      .optional()
      .describe('Kind of partition table. Default: `gpt`. An `mbr` has four partitions and 2 TiB at most.'),
    fileSystem: fileSystemField().optional().describe('File system of the root partition. Default: `ext4`.'),
    partitions: z
      .array(partitionSchema)
      .optional()
      .describe(
        'Partitions of their own for parts of the tree, such as `/boot` or `/var`. LVM is not possible: its programs work on block devices of the kernel only, never on a file.',
      ),
    swap: sizeField()
      .refine((size) => size >= 2 ** 20, 'must be 1MiB or more')
      .optional()
      .describe('Size of a swap partition. Default: none.'),
    espMount: mountField()
      .optional()
      .describe(
        'Folder of the image, such as `/boot/efi`, whose files go into the EFI system partition, which is mounted there.',
      ),
    serialConsole: z
      .boolean()
      .optional()
      .describe('Whether boot loader and kernel speak on the first serial port. Default: true.'),
    growRoot: z
      .boolean()
      .optional()
      .describe(
        'Whether the root file system takes the space of a larger disk at boot. Default: true; with `mbr` it cannot.',
      ),
  })
  .superRefine((disk, context) => {
    for (const { path, message } of diskMistakes(disk)) context.addIssue({ code: 'custom', path, message });
  })
  .describe('Layout of the disk.');

interface Mistake {
  readonly path: (string | number)[];
  readonly message: string;
}

/** What is wrong with a layout as a whole. */
function diskMistakes(disk: Omit<DiskSpec, 'origin'>): Mistake[] {
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
    const own = 1 + (firmware === 'bios' ? 0 : 1) + (disk.swap === undefined ? 0 : 1);
    if (partitions.length + own > MBR_PARTITIONS) {
      const message = `an mbr has ${MBR_PARTITIONS} partitions, and this disk needs ${partitions.length + own}; use gpt`;
      mistakes.push({ path: ['table'], message });
    }
    if (disk.growRoot === true) {
      mistakes.push({ path: ['growRoot'], message: 'systemd-repart grows partitions of a gpt only' });
    }
    if (disk.size !== 'fit' && disk.size > 2 ** 41) {
      mistakes.push({ path: ['size'], message: 'an mbr reaches 2 TiB; use gpt' });
    }
  }
  return mistakes;
}
