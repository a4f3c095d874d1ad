import * as z from 'zod';
import { ok } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';

export const dockerDiscardExporter = defineExporter({
  type: 'docker-discard',
  summary: 'Throws the container away: what counts is what its steps have brought out of it.',
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
          builderId: 'packer.docker',
          id: 'Container',
          description: 'Exported Docker file: ',
        },
      }),
    ),
  examples: {
    good: [{ title: 'Nothing', options: {} }],
    bad: [{ title: 'An option', options: { path: 'a' }, error: 'path' }],
  },
});
