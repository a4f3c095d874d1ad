import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { alignRanges } from '../util/byte-ranges.ts';
import { writeCompressed } from './compressed/write-compressed.ts';
import { diskOf } from './convert.ts';
import { dataOf, ImageReader } from './disk-image.ts';
import { defineExporter } from './exporter.ts';
import { sparseMember } from './formats/sparse-tar.ts';
import { grownDisk } from './grow-disk.ts';
import { ZLIB } from './node-compressors.ts';
import { readParts } from './read-parts.ts';
import { reading } from './reading.ts';
import type { FilePart } from './write-image.ts';

const GIB = 2 ** 30;
/** Holes of fewer bytes than this would only make the list of pieces longer. */
const PIECE = 65536;

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
  keyVersion: 2,
  examples: {
    good: [
      { title: 'For upload', options: {} },
      { title: 'Smallest', options: { level: 9 } },
    ],
    bad: [{ title: 'No such level', options: { level: 12 }, error: 'level' }],
  },
  input: 'disk',
  extension: () => 'gce.tar.gz',
  reads: ({ sourceDateEpoch }) => ({ sourceDateEpoch, ...ZLIB }),
  readBackBy: ['bsdtar', 'sfdisk'],
  reproducible: true,
  readsImage: () => true,
  run: ({ level }, context) =>
    capture(async () => {
      const disk = diskOf(context);
      const image = await grownDisk(disk.image, Math.ceil(disk.size / GIB) * GIB);
      const { outputPath: to, signal, cacheFolder, progress, pipeline } = context;
      const data = alignRanges(dataOf(image), PIECE);
      const { before, after } = sparseMember({
        name: 'disk.raw',
        size: image.size,
        data,
        mtime: pipeline.sourceDateEpoch,
      });
      const total = data.reduce((sum, { start, end }) => sum + end - start, before.length + after.length);
      const parts: readonly FilePart[] = [
        { type: 'bytes', bytes: before },
        ...data.map(({ start, end }) => ({ type: 'disk' as const, start, end })),
        { type: 'bytes', bytes: after },
      ];
      await using reader = await reading(() => ImageReader.open(image));
      return await writeCompressed(readParts(reader, parts), {
        compression: 'gz',
        to,
        level,
        signal,
        cacheFolder,
        progress: (done) => progress(done, total, 'bytes'),
      });
    }),
});
