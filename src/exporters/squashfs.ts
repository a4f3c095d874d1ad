import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';
import { packTree } from './packed-tree.ts';
import { squashfsPacking } from './squashfs/packing.ts';

/** Levels that mksquashfs lets one choose. */
const LEVELS = { zstd: [1, 22], gzip: [1, 9] } as const;

const schema = z
  .strictObject({
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
    level: z
      .int()
      .min(1)
      .max(22)
      .optional()
      .describe('Effort of the compression: zstd 1–22 (default 6), gzip 1–9 (default 9).'),
  })
  .superRefine(({ compression, level }, context) => {
    if (level === undefined) return;
    const levels = compression === 'zstd' || compression === 'gzip' ? LEVELS[compression] : undefined;
    if (levels !== undefined && level <= levels[1]) return;
    const message =
      levels === undefined
        ? `has no meaning with ${compression}`
        : `must be 1 to ${levels[1]} with ${compression}`;
    context.addIssue({ code: 'custom', path: ['level'], message });
  });

export const squashfsExporter = defineExporter({
  type: 'squashfs',
  summary: 'All files of the image in a compressed read-only file system.',
  description: 'For live systems, `RootImage=` of systemd, and images that are mounted rather than unpacked.',
  schema,
  keyVersion: 2,
  tools: ['mksquashfs'],
  examples: {
    good: [
      { title: 'Quick to read', options: {} },
      { title: 'Smallest', options: { compression: 'xz', blockSize: 1048576 } },
    ],
    bad: [
      { title: 'Not a power of two', options: { blockSize: 100000 }, error: 'must be a power of two' },
      { title: 'Level out of range', options: { compression: 'gzip', level: 12 }, error: 'must be 1 to 9' },
    ],
  },
  input: 'layers',
  extension: () => 'squashfs',
  readBackBy: ['unsquashfs'],
  reproducible: true,
  run: (options, context) =>
    capture(() => packTree(context, squashfsPacking(context.pipeline, options), context.outputPath)),
});
