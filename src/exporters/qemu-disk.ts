import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { convertDisk, diskOf } from './convert.ts';
import { defineExporter } from './exporter.ts';
import { digestOfPath } from './path-digest.ts';

export const qemuDiskExporter = defineExporter({
  type: 'qemu-disk',
  summary: "Writes the disk where Packer's qemu builder would.",
  schema: z.strictObject({
    output_directory: z
      .string()
      .min(1)
      .optional()
      .describe('Folder, relative to the template. Default: `output-NAME`, NAME being the build.'),
    vm_name: z.string().min(1).optional().describe('Name of the file in it. Default: `packer-NAME`.'),
    format: z.enum(['qcow2', 'raw']).default('qcow2').describe('Format of the file.'),
    disk_compression: z.boolean().default(false).describe('Compresses a qcow2 file.'),
  }),
  keyVersion: 1,
  tools: ['qemu-img'],
  input: 'disk',
  extension: ({ format }) => format,
  readBackBy: ['qemu-img'],
  reproducible: true,
  run: async ({ output_directory, vm_name, format, disk_compression: compress }, context) =>
    await capture(async () => {
      const name = context.pipeline.name.split('.').at(-1) ?? context.pipeline.name;
      const written = output_directory ?? `output-${name}`;
      const folder = path.resolve(context.pipeline.directory, written);
      const file = path.join(folder, vm_name ?? `packer-${name}`);
      await mkdir(folder, { recursive: true });
      const half = `${file}.tmp-${process.pid}`;
      try {
        await convertDisk(context, {
          from: diskOf(context).path,
          to: half,
          format,
          options: [],
          compress: compress && format === 'qcow2',
        });
        await rename(half, file);
      } finally {
        await rm(half, { force: true });
      }
      const digest = await digestOfPath(file, context.signal);
      return {
        artifact: {
          files: [{ path: file, written: path.join(written, path.basename(file)), ...digest }],
          builderId: 'transcend.qemu',
          id: 'VM',
          description: `VM files in directory: ${written}`,
        },
      };
    }),
  examples: {
    good: [
      {
        title: 'A raw file',
        options: { output_directory: 'out', vm_name: 'web.img', format: 'raw' },
      },
    ],
    bad: [{ title: 'Another format', options: { format: 'vmdk' }, error: 'Invalid option' }],
  },
});
