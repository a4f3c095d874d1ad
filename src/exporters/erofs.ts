import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { setErofsTime } from './formats/erofs.ts';
import { packTree, type TreePacking } from './packed-tree.ts';

const schema = z.strictObject({
  compression: z
    .enum(['none', 'lz4', 'lz4hc'])
    .default('lz4hc')
    .describe(
      'How files are compressed; `lz4hc` takes longer to write and is smaller, and reads just as fast.',
    ),
});

export const erofsExporter = defineExporter({
  type: 'erofs',
  summary: 'All files of the image in a read-only file system that is fast to read.',
  description: 'For immutable systems and containers; every kernel since 5.4 mounts it.',
  schema,
  keyVersion: 1,
  tools: ['mkfs.erofs'],
  examples: {
    good: [
      { title: 'Compressed', options: {} },
      { title: 'To be mapped into memory', options: { compression: 'none' } },
    ],
    bad: [{ title: 'Unknown compression', options: { compression: 'zstd' }, error: 'compression' }],
  },
  input: 'layers',
  extension: () => 'erofs',
  readBackBy: ['fsck.erofs'],
  reproducible: true,
  run: ({ compression }, context) =>
    capture(() => {
      const { sourceDateEpoch } = context.pipeline;
      const seed = context.layers.map((layer) => layer.digest).join(' ');
      const method = compression === 'none' ? [] : [`-z${compression}`];
      const form = [...method, '-U', derivedUuid(seed, 'erofs')];
      const packing: TreePacking = {
        // Older ones print their version and fail, as they know no such option.
        version: ['sh', '-c', 'mkfs.erofs --version 2>&1 || true'],
        recipe: ['erofs', ...form, sourceDateEpoch],
        argv: (tree, file) => ['mkfs.erofs', ...form, file, tree],
        finish: (file) => setErofsTime(file, sourceDateEpoch),
      };
      return packTree(context, packing, context.outputPath);
    }),
});
