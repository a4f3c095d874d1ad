import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { layoutVhdx } from './formats/vhdx.ts';
import { writeImage } from './write-image.ts';

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
  keyVersion: 2,
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
  bootedBy: 'QEMU, BIOS',
  reproducible: true,
  readsImage: () => true,
  run: ({ allocation }, context) =>
    capture(async () => {
      const { image, key } = diskOf(context);
      const parts = layoutVhdx(image, allocation, {
        fileWrite: derivedUuid(key, 'vhdx/file-write'),
        dataWrite: derivedUuid(key, 'vhdx/data-write'),
        page83: derivedUuid(key, 'vhdx/page-83'),
      });
      const { outputPath: path, signal, progress } = context;
      return await writeImage({ path, parts, image, signal, progress });
    }),
});
