import * as z from 'zod';
import { sizeField } from '../schema/fields.ts';
import { diskMistakes } from './disk-mistakes.ts';

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
    lvm: z
      .boolean()
      .optional()
      .describe(
        'Whether it is a logical volume. Default: true where the disk has `lvm`; `false` makes it a partition of its own.',
      ),
    name: z
      .string()
      .optional()
      .describe('Name of the logical volume. Default: from the mount point, `var-log` for `/var/log`.'),
  })
  .describe('A partition, or a logical volume, for a part of the tree.');

/** The volume group of a disk. */
const lvmSchema = z
  .strictObject({
    group: z.string().describe('Name of the volume group.'),
    free: sizeField()
      .optional()
      .describe('Space in the group that no volume takes, for more volumes and snapshots. Default: none.'),
  })
  .describe(
    'Puts the root, the swap and the `partitions` into one volume group of LVM, as logical volumes. The image needs the package `lvm2`.',
  );

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
      .describe('Partitions of their own for parts of the tree, such as `/boot` or `/var`.'),
    lvm: lvmSchema.optional(),
    swap: sizeField()
      .refine((size) => size >= 2 ** 20, 'must be 1MiB or more')
      .optional()
      .describe('Size of a swap partition, or with `lvm` of a swap volume. Default: none.'),
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
        'Whether the root file system takes the space of a larger disk at boot. Default: true; with `mbr` or `lvm` it cannot.',
      ),
  })
  .superRefine((disk, context) => {
    for (const { path, message } of diskMistakes(disk)) context.addIssue({ code: 'custom', path, message });
  })
  .describe('Layout of the disk.');
