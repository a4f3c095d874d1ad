import * as z from 'zod';
import { ok } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';

export const noneExporter = defineExporter({
  type: 'none',
  summary: 'Makes no file: stands for a machine that is not ours, so that post-processors can follow.',
  schema: z.strictObject({}),
  keyVersion: 1,
  input: 'machine',
  extension: () => 'none',
  reproducible: true,
  run: () =>
    Promise.resolve(
      ok({
        artifact: {
          files: [],
          builderId: 'fnoeding.null',
          id: 'Null',
          description: 'Did not export anything. This is the null builder',
        },
      }),
    ),
  examples: {
    good: [{ title: 'No file', options: {} }],
    bad: [{ title: 'An option', options: { path: 'a' }, error: 'path' }],
  },
});
