import * as z from 'zod';
import { fail } from '../diagnostics/failure.ts';
import { defineSource } from './source.ts';

const schema = z.strictObject({
  name: z.string().min(1).describe('Name of the pipeline whose finished layers this one starts from.'),
  variant: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      "Which variant of its matrix, by axis. Default: the one whose values agree with this pipeline's.",
    ),
});

export const pipelineSource = defineSource({
  type: 'pipeline',
  summary: 'Starts from the layers of another pipeline of the project.',
  description: `The other pipeline's steps become part of this one's graph: they run once for both, and only when something asks
for them. What its seal removes is removed from this image by its own seal.`,
  schema,
  keyVersion: 1,
  // The graph puts the other pipeline's steps in the place of this source, so a plan never holds it.
  produce: () =>
    Promise.resolve(
      fail({
        reason: 'internal',
        message: 'a pipeline source was not replaced by the steps of its pipeline',
      }),
    ),
  examples: {
    good: [
      { title: 'Another pipeline', options: { name: 'base' } },
      { title: 'One variant of it', options: { name: 'base', variant: { release: 'bookworm' } } },
    ],
    bad: [{ title: 'No name', options: {}, error: 'is missing' }],
  },
});
