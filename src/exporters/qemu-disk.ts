import { mkdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { defineExporter, type ExportContext } from './exporter.ts';
import { wholeImage } from './formats/image-blocks.ts';
import { digestOfPath, type PathDigest } from './path-digest.ts';
import { writeCompressedQcow2 } from './qcow2/write-compressed.ts';
import { writeQcow2 } from './qcow2/write.ts';
import { writeImage } from './write-image.ts';

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
  keyVersion: 2,
  input: 'disk',
  extension: ({ format }) => format,
  readBackBy: ['qemu-img'],
  reproducible: true,
  readsImage: () => true,
  run: async ({ output_directory, vm_name, format, disk_compression: compress }, context) =>
    await capture(async () => {
      const name = context.pipeline.name.split('.').at(-1) ?? context.pipeline.name;
      const written = output_directory ?? `output-${name}`;
      const folder = path.resolve(context.pipeline.directory, written);
      const file = path.join(folder, vm_name ?? `packer-${name}`);
      await mkdir(folder, { recursive: true });
      const half = `${file}.tmp-${process.pid}`;
      let digest: PathDigest;
      try {
        digest = await writeDisk(format, compress, { ...context, outputPath: half });
        await rename(half, file);
      } finally {
        await rm(half, { force: true });
      }
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

/** As `qemu-img convert` does with its defaults: version 3, clusters of 64 KiB. */
const QCOW2 = { clusterSize: 65_536, version: '1.1' } as const;

async function writeDisk(
  format: 'qcow2' | 'raw',
  compress: boolean,
  context: ExportContext,
): Promise<PathDigest> {
  const { image } = diskOf(context);
  const { outputPath: path, signal, progress } = context;
  if (format === 'qcow2' && compress) {
    await writeCompressedQcow2(image, { ...QCOW2, compression: 'zlib' }, context);
    return await digestOfPath(path, signal);
  }
  const written =
    format === 'qcow2'
      ? await writeQcow2(image, QCOW2, context)
      : await writeImage({ path, parts: wholeImage(image), image, signal, progress });
  return { size: (await stat(path)).size, sha256: written.sha256 };
}
