import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { writeCompressed } from './compressed/write-compressed.ts';
import { COMPRESSIONS, compressCommand, isBlockwise, levelMistake } from './compression.ts';
import { diskOf } from './convert.ts';
import { ImageReader } from './disk-image.ts';
import { defineExporter } from './exporter.ts';
import { wholeImage } from './formats/image-blocks.ts';
import { ZLIB, ZSTD } from './node-compressors.ts';
import { readParts } from './read-parts.ts';
import { reading } from './reading.ts';
import { runTool } from './run-tool.ts';
import { writeImage } from './write-image.ts';

const schema = z
  .strictObject({
    compression: z
      .enum(['none', 'zstd', 'gz', 'xz'])
      .default('none')
      .describe('How the file is compressed. `none` writes a sparse file: holes take no space on the disk.'),
    level: z
      .int()
      .min(0)
      .max(19)
      .optional()
      .describe('Effort of the compression: zstd 1–19 (default 3), gz 1–9 (default 6), xz 0–9 (default 6).'),
  })
  .superRefine(({ compression, level }, context) => {
    const message = levelMistake(compression, level);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['level'], message });
  });

export const rawExporter = defineExporter({
  type: 'raw',
  summary: 'The disk byte by byte, sparse or compressed.',
  description: 'For `dd`, hypervisors that take raw disks, and as input of other tools.',
  schema,
  keyVersion: 3,
  examples: {
    good: [
      { title: 'Sparse file', options: {} },
      { title: 'Compressed for download', options: { compression: 'zstd', level: 9 } },
    ],
    bad: [
      { title: 'Unknown compression', options: { compression: 'lz4' }, error: 'compression' },
      {
        title: 'Level out of range',
        options: { compression: 'gz', level: 12 },
        error: 'must be 1 to 9 with gz',
      },
    ],
  },
  input: 'disk',
  keyTools: ({ compression }) => (compression === 'xz' ? ['xz'] : []),
  reads: () => ({ ...ZLIB, ...ZSTD }),
  extension: ({ compression }) => `raw${COMPRESSIONS[compression].ending}`,
  readBackBy: ['zstd', 'gzip', 'xz'],
  bootedBy: 'QEMU, UEFI',
  // Same tool, same bytes: what a compressor writes may change with its version, never with the number of processors.
  reproducible: true,
  readsImage: ({ compression }) => compression === 'none' || isBlockwise(compression),
  run: (options, context) =>
    capture(async () => {
      const disk = diskOf(context);
      if (options.compression === 'none') {
        const { outputPath: path, signal, progress } = context;
        return await writeImage({
          path,
          parts: wholeImage(disk.image),
          image: disk.image,
          signal,
          progress,
        });
      }
      const { compression, level } = options;
      if (isBlockwise(compression)) {
        const { outputPath: to, signal, cacheFolder, progress } = context;
        await using reader = await reading(() => ImageReader.open(disk.image));
        return await writeCompressed(readParts(reader, wholeImage(disk.image)), {
          compression,
          level,
          to,
          signal,
          cacheFolder,
          progress: (done) => progress(done, disk.size, 'bytes'),
        });
      }
      const compress = compressCommand(compression, level);
      await runTool(context, {
        argv: ['sh', '-c', `exec ${compress} <"$1" >"$2"`, 'sh', disk.path, context.outputPath],
        reason: 'export-failed',
      });
      return undefined;
    }),
});
