import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { layoutVhd } from './formats/vhd.ts';
import { writeImage } from './write-image.ts';

const MIB = 2 ** 20;
/** The block allocation table of the format ends here: 2040 GiB. */
const LARGEST = 2040 * 2 ** 30;

const schema = z.strictObject({
  allocation: z
    .enum(['dynamic', 'fixed'])
    .default('dynamic')
    .describe('`dynamic` holds only what is used; `fixed` is the raw disk with a footer, as Azure wants it.'),
});

export const vhdExporter = defineExporter({
  type: 'vhd',
  summary: 'The older disk format of Hyper-V, and that of Azure.',
  description: `With \`allocation: fixed\` it can be uploaded to Azure as a page blob: the disk is a whole number of MiB, and its exact
size is in the footer. Start it as a generation 1 machine (BIOS); generation 2 outside of Azure needs \`vhdx\`.`,
  schema,
  keyVersion: 2,
  examples: {
    good: [
      { title: 'For Hyper-V', options: {} },
      { title: 'For Azure', options: { allocation: 'fixed' } },
    ],
    bad: [{ title: 'Unknown allocation', options: { allocation: 'thin' }, error: 'allocation' }],
  },
  input: 'disk',
  extension: () => 'vhd',
  reads: ({ sourceDateEpoch }) => ({ sourceDateEpoch }),
  readBackBy: ['qemu-img', '7-Zip'],
  bootedBy: 'QEMU, UEFI',
  reproducible: true,
  readsImage: () => true,
  run: ({ allocation }, context) =>
    capture(async () => {
      const disk = diskOf(context);
      if (disk.size > LARGEST || disk.size % MIB !== 0) {
        throw new FailureError({
          reason: 'export-failed',
          message: `a disk of ${disk.size} bytes cannot be a VHD: it must be whole MiB and at most 2040 GiB`,
          hint: 'choose another `disk.size`, or export `vhdx`',
        });
      }
      const { image } = disk;
      const uuid = derivedUuid(disk.key, 'vhd');
      const parts = layoutVhd({ image, allocation, uuid, created: context.pipeline.sourceDateEpoch });
      const { outputPath: path, signal, progress } = context;
      return await writeImage({ path, parts, image, signal, progress });
    }),
});
