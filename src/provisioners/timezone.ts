import * as z from 'zod';
import { defineProvisioner } from './provisioner.ts';

const schema = z.strictObject({
  timezone: z
    .string()
    .regex(/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/, 'must be a zone such as Europe/Berlin or UTC')
    .describe('Name of the zone in the IANA time zone database.'),
});

export type TimezoneOptions = z.output<typeof schema>;

export const timezoneKind = defineProvisioner({
  type: 'timezone',
  summary: 'Sets the time zone.',
  description: 'Zones other than UTC need the package `tzdata` in a step below; this step installs nothing.',
  schema,
  keyVersion: 2,
  effect: () => 'run',
  run: async (options, machine, context) => {
    const { runTimezoneStep } = await import('./system/timezone.ts');
    return await runTimezoneStep(options, machine, context);
  },
  examples: {
    good: [{ title: 'A zone', options: { timezone: 'Europe/Berlin' } }],
    bad: [{ title: 'A path', options: { timezone: '../etc/passwd' }, error: 'must be a zone' }],
  },
});
