import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { convertDisk, diskOf } from './convert.ts';
import { derivedUuid } from './disk/guid.ts';
import { defineExporter } from './exporter.ts';
import { identifyVdi } from './formats/vdi.ts';

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
  keyVersion: 1,
  tools: ['qemu-img'],
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
  reproducible: true,
  run: ({ allocation }, context) =>
    capture(async () => {
      const { path, key } = diskOf(context);
      const options = [`static=${allocation === 'fixed' ? 'on' : 'off'}`];
      await convertDisk(context, { from: path, to: context.outputPath, format: 'vdi', options });
      await identifyVdi(context.outputPath, {
        image: derivedUuid(key, 'vdi/image'),
        snapshot: derivedUuid(key, 'vdi/snapshot'),
      });
    }),
});
