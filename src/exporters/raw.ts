import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { defineExporter } from './exporter.ts';
import { runTool } from './run-tool.ts';
import { copySparse } from './sparse-copy.ts';

const LEVELS = { none: [0, 0], zstd: [1, 19], gz: [1, 9], xz: [0, 9] } as const;
const DEFAULT_LEVELS = { none: 0, zstd: 3, gz: 6, xz: 6 } as const;
const EXTENSIONS = { none: 'raw', zstd: 'raw.zst', gz: 'raw.gz', xz: 'raw.xz' } as const;

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
    const [lowest, highest] = LEVELS[compression];
    if (level === undefined || (level >= lowest && level <= highest)) return;
    const message =
      compression === 'none' ? 'needs a compression' : `must be ${lowest} to ${highest} with ${compression}`;
    context.addIssue({ code: 'custom', path: ['level'], message });
  });

type Options = z.output<typeof schema>;

export const rawExporter = defineExporter({
  type: 'raw',
  summary: 'The disk byte by byte, sparse or compressed.',
  description: 'For `dd`, hypervisors that take raw disks, and as input of other tools.',
  schema,
  keyVersion: 1,
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
  extension: ({ compression }) => EXTENSIONS[compression],
  // Same tool, same bytes: what a compressor writes may change with its version, never with the number of processors.
  reproducible: true,
  run: (options, context) =>
    capture(async () => {
      const { path: disk } = diskOf(context);
      if (options.compression === 'none') {
        await copySparse(context, disk, context.outputPath, 'export-failed');
        return;
      }
      const compress = compressCommand(
        options.compression,
        options.level ?? DEFAULT_LEVELS[options.compression],
      );
      await runTool(context, {
        argv: ['sh', '-c', `exec ${compress} <"$1" >"$2"`, 'sh', disk, context.outputPath],
        reason: 'export-failed',
      });
    }),
});

/**
 * The command that compresses standard input to standard output. The way of working is fixed where it shows in the
 * output: zstd and xz write other bytes with worker threads than without, but the same for any number of threads.
 */
function compressCommand(compression: Exclude<Options['compression'], 'none'>, level: number): string {
  switch (compression) {
    case 'zstd':
      return `zstd -q -T0 -${level} -c`;
    case 'xz':
      return `xz -q -T2 -${level} -c`;
    case 'gz':
      return `gzip -n -${level} -c`;
  }
}
