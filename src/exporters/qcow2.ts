import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { alignRanges } from '../util/byte-ranges.ts';
import { convertDisk, diskOf } from './convert.ts';
import { dataOf } from './disk-image.ts';
import { defineExporter, type ExportContext, type ExportedFile } from './exporter.ts';
import { layoutQcow2 } from './qcow2/layout.ts';
import { writeImage } from './write-image.ts';

const KIB = 1024;

const schema = z
  .strictObject({
    compression: z
      .enum(['none', 'zlib', 'zstd'])
      .default('none')
      .describe(
        'Compresses the clusters. `zlib` every reader knows; `zstd` is faster and smaller and needs QEMU 5.1.',
      ),
    version: z
      .enum(['0.10', '1.1'])
      .default('1.1')
      .describe('`compat` level of the format: `1.1` for QEMU 1.1 and later, `0.10` for older readers.'),
    clusterSize: z
      .int()
      .min(512)
      .max(2 * KIB * KIB)
      .default(64 * KIB)
      .refine((size) => Number.isInteger(Math.log2(size)), 'must be a power of two')
      .describe('Bytes of one cluster, a power of two from 512 to 2097152.'),
  })
  .superRefine(({ compression, version }, context) => {
    if (compression !== 'zstd' || version === '1.1') return;
    context.addIssue({ code: 'custom', path: ['compression'], message: 'zstd needs version 1.1' });
  });

type Options = z.output<typeof schema>;

export const qcow2Exporter = defineExporter({
  type: 'qcow2',
  summary: "QEMU's own disk format.",
  description: 'For QEMU/KVM, libvirt, Proxmox, OpenStack and most clouds that take uploads.',
  schema,
  keyVersion: 2,
  tools: ['qemu-img'],
  examples: {
    good: [
      { title: 'Fast to write and to start', options: {} },
      { title: 'Small for download', options: { compression: 'zstd' } },
      { title: 'For old readers', options: { compression: 'zlib', version: '0.10' } },
    ],
    bad: [
      { title: 'Not a power of two', options: { clusterSize: 100000 }, error: 'must be a power of two' },
      {
        title: 'zstd in the old format',
        options: { compression: 'zstd', version: '0.10' },
        error: 'zstd needs version 1.1',
      },
    ],
  },
  input: 'disk',
  extension: () => 'qcow2',
  readBackBy: ['qemu-img'],
  bootedBy: 'QEMU, BIOS and UEFI',
  reproducible: true,
  readsImage: ({ compression }) => compression === 'none',
  run: (options, context) =>
    capture(async () => {
      if (options.compression === 'none') return await writeClusters(options, context);
      const format = [
        `compat=${options.version}`,
        `cluster_size=${options.clusterSize}`,
        // The default differs between QEMU builds when it is left out.
        ...(options.version === '1.1' ? ['lazy_refcounts=off'] : []),
        ...(options.compression === 'zstd' ? ['compression_type=zstd'] : []),
      ];
      await convertDisk(context, {
        from: diskOf(context).path,
        to: context.outputPath,
        format: 'qcow2',
        options: format,
        compress: true,
      });
      return undefined;
    }),
});

/** Writes the disk in one pass; qemu-img would read a copy of it, and its output would be read again for the checksum. */
async function writeClusters(
  { clusterSize, version }: Options,
  context: ExportContext,
): Promise<ExportedFile> {
  const { image } = diskOf(context);
  const data = alignRanges(dataOf(image), clusterSize);
  const layout = layoutQcow2(image.size, data, { clusterSize, version: version === '1.1' ? 3 : 2 });
  if (layout === undefined) {
    throw new FailureError({
      reason: 'export-failed',
      message: `clusters of ${clusterSize} bytes are too small for a disk of ${image.size} bytes`,
      hint: 'give clusterSize a larger value; the default of 65536 holds any disk up to 2 PiB',
    });
  }
  return await writeImage({
    path: context.outputPath,
    parts: [
      { type: 'bytes', bytes: layout.metadata },
      ...data.map(({ start, end }) => ({ type: 'disk', start, end }) as const),
    ],
    image,
    signal: context.signal,
    progress: context.progress,
  });
}
