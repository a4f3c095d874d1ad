import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { COMPRESSIONS, levelMistake } from './compression.ts';
import { defineExporter } from './exporter.ts';
import { ZLIB, ZSTD } from './node-compressors.ts';
import { writeTreeTar } from './tree-tar.ts';

const schema = z
  .strictObject({
    compression: z.enum(['none', 'zstd', 'gz', 'xz']).default('zstd').describe('How the tar is compressed.'),
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

export const rootfsTarExporter = defineExporter({
  type: 'rootfs-tar',
  summary: 'All files of the image in one tar.',
  description: `With numeric owners, hard links and extended attributes (pax headers), sorted by name. For \`systemd-nspawn\`, LXC,
\`docker import\` and as the \`rootfs\` source of another project.`,
  schema,
  keyVersion: 3,
  tools: ['tar', 'xz'],
  examples: {
    good: [
      { title: 'Quick to write', options: {} },
      { title: 'For every reader', options: { compression: 'gz' } },
    ],
    bad: [
      { title: 'Unknown compression', options: { compression: 'bz2' }, error: 'compression' },
      {
        title: 'Level out of range',
        options: { compression: 'gz', level: 12 },
        error: 'must be 1 to 9 with gz',
      },
    ],
  },
  input: 'layers',
  reads: () => ({ ...ZLIB, ...ZSTD }),
  extension: ({ compression }) => `tar${COMPRESSIONS[compression].ending}`,
  readBackBy: ['bsdtar'],
  reproducible: true,
  run: ({ compression, level }, context) => capture(() => writeTreeTar(context, compression, level)),
});
