import * as z from 'zod';
import { defineMachineBuilder } from './machine-builder.ts';

/** Name of the file in a snapshot. */
export const CONTENT = 'content';

const schema = z.strictObject({
  target: z.string().min(1).describe('The file to write, relative to the template.'),
});

export type FileBuilderOptions = z.output<typeof schema>;

export const fileBuilder = defineMachineBuilder({
  type: 'file',
  summary: 'Writes one file; there is no machine.',
  description: `Steps find a machine that takes everything and does nothing, as with the file builder of Packer. The source is
\`file\`, and so is the export.`,
  schema,
  keyVersion: 1,
  disk: false,
  influence: () => ({ platform: {} }),
  cost: () => ({ cpus: 0, memory: 0 }),
  open: async (options, context) => {
    const { openFile } = await import('./file/open.ts');
    return openFile(options, context);
  },
  examples: {
    good: [{ title: 'A file', options: { target: 'out/motd' } }],
    bad: [{ title: 'No target', options: {}, error: 'is missing' }],
  },
});
