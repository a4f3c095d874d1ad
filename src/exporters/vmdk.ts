import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { makeVmdk } from './formats/vmdk.ts';
import { ZLIB } from './node-compressors.ts';

const schema = z.strictObject({
  subformat: z
    .enum(['monolithicSparse', 'streamOptimized'])
    .default('monolithicSparse')
    .describe(
      '`monolithicSparse` is what VMware Workstation, Fusion and VirtualBox run from; `streamOptimized` is compressed, for upload to vSphere, ESXi and AWS.',
    ),
  adapter: z
    .enum(['ide', 'lsilogic', 'buslogic', 'legacyESX'])
    .default('lsilogic')
    .describe('Disk controller named in the descriptor.'),
  hardwareVersion: z
    .int()
    .min(4)
    .max(22)
    .default(13)
    .describe("Version of VMware's virtual hardware; 13 is that of ESXi 6.5."),
  level: z.int().min(1).max(9).default(6).describe('Effort of the compression of `streamOptimized`, 1 to 9.'),
});

export const vmdkExporter = defineExporter({
  type: 'vmdk',
  summary: "VMware's disk format.",
  description:
    'For VMware Workstation, Fusion, ESXi and vSphere, and for VirtualBox. `ova` and `vagrant` make whole machines of it.',
  schema,
  keyVersion: 2,
  examples: {
    good: [
      { title: 'To run from', options: {} },
      { title: 'To upload', options: { subformat: 'streamOptimized' } },
    ],
    bad: [{ title: 'Flat extents', options: { subformat: 'monolithicFlat' }, error: 'subformat' }],
  },
  input: 'disk',
  extension: () => 'vmdk',
  reads: (_, fileName) => ({ 'name of the file': fileName, ...ZLIB }),
  readBackBy: ['qemu-img', '7-Zip'],
  bootedBy: 'QEMU, UEFI',
  reproducible: true,
  readsImage: () => true,
  run: (options, context) =>
    capture(async () => {
      const disk = diskOf(context);
      return await makeVmdk(context, {
        ...options,
        disk,
        to: context.outputPath,
        name: context.fileName,
        contentId: derivedUuid(disk.key, 'vmdk').slice(0, 8),
      });
    }),
});
