import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { convertDisk, diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { identifyVhdx } from './formats/vhdx.ts';

const schema = z.strictObject({
  allocation: z
    .enum(['dynamic', 'fixed'])
    .default('dynamic')
    .describe('`dynamic` holds only blocks that are used; `fixed` has a place for all of them.'),
});

export const vhdxExporter = defineExporter({
  type: 'vhdx',
  summary: 'The disk format of Hyper-V.',
  description: 'For Hyper-V of Windows Server 2012 and later, generation 1 (BIOS) and 2 (UEFI).',
  schema,
  keyVersion: 1,
  tools: ['qemu-img'],
  examples: {
    good: [
      { title: 'For Hyper-V', options: {} },
      { title: 'All blocks allocated', options: { allocation: 'fixed' } },
    ],
    bad: [{ title: 'Unknown allocation', options: { allocation: 'differencing' }, error: 'allocation' }],
  },
  input: 'disk',
  extension: () => 'vhdx',
  readBackBy: ['qemu-img', '7-Zip'],
  reproducible: true,
  run: ({ allocation }, context) =>
    capture(async () => {
      const { path, key } = diskOf(context);
      // The block size depends on the size of the disk when it is left out.
      const options = [`subformat=${allocation}`, 'block_size=8M', 'log_size=1M'];
      await convertDisk(context, { from: path, to: context.outputPath, format: 'vhdx', options });
      await identifyVhdx(context.outputPath, {
        fileWrite: derivedUuid(key, 'vhdx/file-write'),
        dataWrite: derivedUuid(key, 'vhdx/data-write'),
        page83: derivedUuid(key, 'vhdx/page-83'),
      });
    }),
});
