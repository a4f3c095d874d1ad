import * as z from 'zod';
import { defineSource } from './source.ts';

export const machineSource = defineSource({
  type: 'machine',
  summary: 'Begins with the machine that the builder names, as it is.',
  description: 'For the builder `null`, which starts no machine of its own.',
  schema: z.strictObject({}),
  keyVersion: 1,
  builders: ['null'],
  examples: {
    good: [{ title: 'The machine as it is', options: {} }],
    bad: [{ title: 'An option', options: { host: 'a' }, error: 'host' }],
  },
});
