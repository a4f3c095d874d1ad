import * as z from 'zod';
import { hostPath } from '../schema/image-fields.ts';
import { defineSource } from './source.ts';

const schema = z
  .strictObject({
    path: hostPath().optional().describe('File to copy, relative to the template.'),
    content: z.string().default('').describe('What to write.'),
  })
  .refine(({ path, content }) => path === undefined || content === '', {
    error: 'either `path` or `content`, not both',
  });

export type FileSourceOptions = z.output<typeof schema>;

export const fileSource = defineSource({
  type: 'file',
  summary: 'The content of one file.',
  description: 'For the builder `file`.',
  schema,
  keyVersion: 1,
  builders: ['file'],
  inputs: ({ path }, context) =>
    path === undefined
      ? []
      : [{ path: context.resolvePath(path), type: 'file', option: 'path', modes: false }],
  examples: {
    good: [
      { title: 'A text', options: { content: 'hello\n' } },
      { title: 'A file', options: { path: 'files/motd' } },
    ],
    bad: [{ title: 'Both', options: { path: 'a', content: 'b' }, error: 'not both' }],
  },
});
