import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { convertDisk, diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { identifyVhd } from './formats/vhd.ts';

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
  keyVersion: 1,
  tools: ['qemu-img'],
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
  reproducible: true,
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
      // Without force_size the size is rounded up to old disk geometry, and the backup GPT is no longer at the end.
      const options = [`subformat=${allocation}`, 'force_size=on'];
      await convertDisk(context, { from: disk.path, to: context.outputPath, format: 'vpc', options });
      await identifyVhd(context.outputPath, {
        uuid: derivedUuid(disk.key, 'vhd'),
        created: context.pipeline.sourceDateEpoch,
        isDynamic: allocation === 'dynamic',
      });
    }),
});
