import { mkdir, open, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { LayerStore } from '../layers/layer-store.ts';
import { sizeField } from '../schema/fields.ts';
import { planDataDisk, type DataDisk } from './data-disk/plan.ts';
import { scanData } from './disk/data-map.ts';
import { normalizeExt4 } from './disk/ext4-normalize.ts';
import { SECTOR } from './disk/gpt.ts';
import { makeFileSystem } from './disk/make-file-system.ts';
import { encodeTable } from './disk/mbr.ts';
import { mergeTree } from './disk/merged-tree.ts';
import { setTopFolder } from './disk/top-folder.ts';
import { defineExporter, type ExportContext } from './exporter.ts';
import { wholeImage } from './formats/image-blocks.ts';
import { withMergedTree } from './merged-mount.ts';
import { writeQcow2 } from './qcow2/write.ts';
import { writeImage } from './write-image.ts';

const schema = z.strictObject({
  size: z
    .union([z.literal('fit'), sizeField()])
    .default('fit')
    .describe('Size of the disk; `fit` takes what the files need plus `free`.'),
  free: sizeField().prefault('64MiB').describe('Free space in the file system when the size is `fit`.'),
  fileSystem: z.enum(['ext4', 'xfs', 'btrfs']).default('ext4').describe('File system of the one partition.'),
  label: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,12}$/, 'must be up to 12 letters, digits, dots, dashes and underscores')
    .default('data')
    .describe('Label of the file system and name of the partition.'),
  from: z
    .string()
    .regex(/^(\/[A-Za-z0-9._@+-]+)+$/, 'must be an absolute path such as /srv/data')
    .refine((path) => !/\/\.{1,2}(\/|$)/.test(path), 'must have no . and ..')
    .optional()
    .describe('Folder of the image whose files the disk holds. Default: none, the disk is empty.'),
  format: z.enum(['raw', 'qcow2']).default('qcow2').describe('Format of the file.'),
});

export const dataDiskExporter = defineExporter({
  type: 'data-disk',
  summary: 'A further disk with one file system, empty or with the files of a folder of the image.',
  description: `For machines with a disk for their data beside that of the system. A step \`fstab\` mounts it, by its label:
\`{ device: 'LABEL=data', target: /srv/data, fsType: ext4, options: [nofail] }\`. The files stay in the image as well.`,
  schema,
  keyVersion: 1,
  tools: ['mke2fs', 'mkfs.xfs', 'mkfs.btrfs'],
  examples: {
    good: [
      { title: 'Empty', options: { size: '10GiB', fileSystem: 'xfs' } },
      { title: 'With files of the image', options: { from: '/srv/data', label: 'srv-data' } },
    ],
    bad: [
      { title: 'Relative folder', options: { from: 'srv' }, error: 'absolute path' },
      { title: 'Long label', options: { label: 'all-my-data-in-one' }, error: 'up to 12' },
    ],
  },
  input: 'layers',
  extension: ({ format, label }) => `${label}.${format}`,
  reads: ({ id }) => ({ 'id of the pipeline': id }),
  readBackBy: ['sfdisk', 'e2fsck', 'debugfs', 'qemu-img', 'xfs_repair'],
  reproducible: true,
  run: ({ format, ...options }, context) =>
    capture(async () => {
      const store = new LayerStore(context.workspace.storeDirectory);
      const tree = mergeTree(
        context.layers.map(({ digest }, position) => ({
          position,
          entries: store.manifest(digest).entries(),
        })),
      );
      const plan = planDataDisk(tree, { ...options, seed: context.pipeline.id });
      if (!plan.ok) throw new FailureError(...plan.failures);
      const path = join(context.scratch, 'data.raw');
      await makeDisk(plan.value, path, options.from, context);
      const image = {
        size: plan.value.size,
        basePath: path,
        baseData: await scanData(context, path),
        patch: [],
      };
      if (format === 'qcow2') return await writeQcow2(image, { clusterSize: 65536, version: '1.1' }, context);
      const { outputPath, signal, progress } = context;
      return await writeImage({ path: outputPath, parts: wholeImage(image), image, signal, progress });
    }),
});

async function makeDisk(
  { size, table, volume }: DataDisk,
  path: string,
  from: string | undefined,
  context: ExportContext,
): Promise<void> {
  const { sourceDateEpoch } = context.pipeline;
  await using disk = await open(path, 'wx+');
  await disk.truncate(size);
  for (const { offset, bytes } of encodeTable(table)) await disk.write(bytes, 0, bytes.length, offset);
  const surroundings = { ...context, outputPath: path };
  const request = { layout: { size }, request: { sourceDateEpoch } };
  const fill = async (folder: string): Promise<void> => {
    await makeFileSystem(request, volume, folder, surroundings);
    if (volume.fileSystem === 'ext4') await setTopFolder(request, volume, folder, surroundings);
  };
  if (from === undefined) {
    const empty = join(context.scratch, 'empty');
    await mkdir(empty, { mode: 0o755 });
    await utimes(empty, sourceDateEpoch, sourceDateEpoch);
    await fill(empty);
  } else await withMergedTree(context, (tree) => fill(`${tree}${from}`));
  if (volume.fileSystem !== 'ext4') return;
  await normalizeExt4(disk, volume.partition.start * SECTOR, sourceDateEpoch);
}
