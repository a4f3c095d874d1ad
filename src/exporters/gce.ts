import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { compressCommand } from './compression.ts';
import { diskOf } from './convert.ts';
import { defineExporter } from './exporter.ts';
import { growDisk } from './grow-disk.ts';
import { runTool } from './run-tool.ts';
import { copySparse } from './sparse-copy.ts';
import { pipeTo } from './tar-command.ts';

const GIB = 2 ** 30;

const schema = z.strictObject({
  level: z.int().min(1).max(9).default(6).describe('Effort of the compression, 1 to 9.'),
});

export const gceExporter = defineExporter({
  type: 'gce',
  summary: 'A tar.gz for custom images of Google Compute Engine.',
  description: `One sparse file \`disk.raw\` in GNU tar's old format, as \`gcloud compute images create --source-uri\` takes it. Compute
Engine wants whole GiB, so a disk of another size gets free space at its end, which the root file system takes on the
first boot.`,
  schema,
  keyVersion: 1,
  tools: ['tar', 'gzip', 'fallocate'],
  examples: {
    good: [
      { title: 'For upload', options: {} },
      { title: 'Smallest', options: { level: 9 } },
    ],
    bad: [{ title: 'No such level', options: { level: 12 }, error: 'level' }],
  },
  input: 'disk',
  extension: () => 'gce.tar.gz',
  reads: ({ sourceDateEpoch }) => ({ sourceDateEpoch }),
  readBackBy: ['bsdtar', 'sfdisk'],
  reproducible: true,
  run: ({ level }, context) =>
    capture(async () => {
      const disk = diskOf(context);
      const size = Math.ceil(disk.size / GIB) * GIB;
      const raw = join(context.scratch, 'disk.raw');
      await copySparse(context, disk.path, raw, 'export-failed');
      if (size !== disk.size) await growDisk(raw, size);
      // The same disk can have other holes, depending on how it was made; now every block of zeros is one.
      await runTool(context, { argv: ['fallocate', '--dig-holes', raw], reason: 'export-failed' });
      const format = '--format=oldgnu --sparse --hole-detection=seek';
      const owner = '--owner=0 --group=0 --numeric-owner --mode=0644';
      const tar = `tar ${format} ${owner} --mtime="@$3" -C "$1" -cf - disk.raw`;
      const script = `out=$2\n${pipeTo(tar, compressCommand('gz', level))}`;
      const { sourceDateEpoch } = context.pipeline;
      const argv = [
        'sh',
        '-ec',
        script,
        'sh',
        context.scratch,
        context.outputPath,
        `${sourceDateEpoch}`,
      ] as const;
      await runTool(context, { argv, reason: 'export-failed' });
    }),
});
