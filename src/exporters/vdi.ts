import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { layoutVdi } from './formats/vdi.ts';
import { writeImage } from './write-image.ts';

const schema = z.strictObject({
  allocation: z
    .enum(['dynamic', 'fixed'])
    .default('dynamic')
    .describe('`dynamic` holds only blocks that are used; `fixed` has a place for all of them.'),
});

export const vdiExporter = defineExporter({
  type: 'vdi',
  summary: "VirtualBox's own disk format.",
  description: 'For a VirtualBox machine that exists already; `ova` brings a machine along.',
  schema,
  keyVersion: 2,
  examples: {
    good: [
      { title: 'For VirtualBox', options: {} },
      { title: 'All blocks allocated', options: { allocation: 'fixed' } },
    ],
    bad: [{ title: 'Unknown allocation', options: { allocation: 'thick' }, error: 'allocation' }],
  },
  input: 'disk',
  extension: () => 'vdi',
  readBackBy: ['qemu-img', '7-Zip'],
  bootedBy: 'QEMU, BIOS',
  reproducible: true,
  readsImage: () => true,
  run: ({ allocation }, context) =>
    capture(async () => {
      const { image, key } = diskOf(context);
      const parts = layoutVdi({
        image,
        allocation,
        uuid: derivedUuid(key, 'vdi/image'),
        snapshotUuid: derivedUuid(key, 'vdi/snapshot'),
      });
      const { outputPath: path, signal, progress } = context;
      return await writeImage({ path, parts, image, signal, progress });
    }),
});
