import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { defineExporter } from './exporter.ts';
import { ZLIB, ZSTD } from './node-compressors.ts';
import { writeCompressedQcow2 } from './qcow2/write-compressed.ts';
import { writeQcow2 } from './qcow2/write.ts';

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

export const qcow2Exporter = defineExporter({
  type: 'qcow2',
  summary: "QEMU's own disk format.",
  description: 'For QEMU/KVM, libvirt, Proxmox, OpenStack and most clouds that take uploads.',
  schema,
  keyVersion: 5,
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
  reads: () => ({ ...ZLIB, ...ZSTD }),
  extension: () => 'qcow2',
  readBackBy: ['qemu-img'],
  bootedBy: 'QEMU, BIOS and UEFI',
  reproducible: true,
  readsImage: () => true,
  run: (options, context) =>
    capture(async () => {
      const { image } = diskOf(context);
      const { compression } = options;
      if (compression === 'none') return await writeQcow2(image, options, context);
      await writeCompressedQcow2(image, { ...options, compression }, context);
      return undefined;
    }),
});
