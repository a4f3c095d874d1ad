import * as z from 'zod';
import { capture } from '../../diagnostics/failure.ts';
import { SLEEP_SCHEMA } from '../../template/packer-kinds/other-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { reportErrors } from './build-fields.ts';
import { REAL_CLOCK } from './clock.ts';
import { durationErrors, durationMs } from './durations.ts';

const schema = z.strictObject(SLEEP_SCHEMA.shape).superRefine((options, context) => {
  reportErrors(durationErrors(options, ['duration']), context);
});

export const packerSleepKind = defineProvisioner({
  type: 'packer-sleep',
  summary: 'Waits for a time, as the sleep provisioner of Packer does.',
  description: 'The wait is for what the steps around it do: where they come from the cache, nobody waits.',
  schema,
  keyVersion: 1,
  effect: () => 'run',
  reach: () => 'host',
  run: async (options, _machine, context) =>
    await capture(() => REAL_CLOCK.wait(durationMs(options.duration, 0), context.signal)),
  examples: {
    good: [{ title: 'Half a minute', options: { duration: '30s' } }],
    bad: [{ title: 'No unit', options: { duration: '30' }, error: 'missing unit in duration' }],
  },
});
