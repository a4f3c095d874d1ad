import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';
import { withMergedTree } from './merged-mount.ts';
import { runTool } from './run-tool.ts';

const schema = z.strictObject({
  compression: z
    .enum(['zstd', 'xz', 'gzip', 'lz4'])
    .default('zstd')
    .describe('How blocks are compressed. The kernel that mounts it must know the method.'),
  blockSize: z
    .int()
    .min(4096)
    .max(2 ** 20)
    .default(128 * 1024)
    .refine((size) => Number.isInteger(Math.log2(size)), 'must be a power of two')
    .describe(
      'Bytes of one block, a power of two from 4096 to 1048576. Larger is smaller and slower to read.',
    ),
});

export const squashfsExporter = defineExporter({
  type: 'squashfs',
  summary: 'All files of the image in a compressed read-only file system.',
  description: 'For live systems, `RootImage=` of systemd, and images that are mounted rather than unpacked.',
  schema,
  keyVersion: 1,
  tools: ['mksquashfs'],
  examples: {
    good: [
      { title: 'Quick to read', options: {} },
      { title: 'Smallest', options: { compression: 'xz', blockSize: 1048576 } },
    ],
    bad: [{ title: 'Not a power of two', options: { blockSize: 100000 }, error: 'must be a power of two' }],
  },
  input: 'layers',
  extension: () => 'squashfs',
  readBackBy: ['unsquashfs', '7-Zip'],
  reproducible: true,
  run: ({ compression, blockSize }, context) =>
    capture(async () => {
      const method = ['-comp', compression, '-b', String(blockSize), '-xattrs'];
      // Files are sorted and blocks written in order, whatever the number of processors; only this time is the clock's.
      const quiet = [
        '-mkfs-time',
        String(context.pipeline.sourceDateEpoch),
        '-noappend',
        '-no-progress',
        '-quiet',
      ];
      await withMergedTree(context, (tree) =>
        runTool(context, {
          argv: ['mksquashfs', tree, context.outputPath, ...method, ...quiet],
          reason: 'export-failed',
        }),
      );
    }),
});
