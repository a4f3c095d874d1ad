import * as z from 'zod';
import { lateSecrets } from '../../model/late-value.ts';
import { WINDOWS_RESTART_SCHEMA } from '../../template/packer-kinds/windows-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS, reportErrors } from './build-fields.ts';
import { durationErrors } from './durations.ts';

const schema = z
  .strictObject({
    ...WINDOWS_RESTART_SCHEMA.shape,
    restart_timeout: WINDOWS_RESTART_SCHEMA.shape.restart_timeout.meta({
      description: 'Give up after this long; 5 minutes when left out.',
      key: 'out',
    }),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) => reportErrors(durationErrors(options, ['restart_timeout']), context));

export type PackerWindowsRestartOptions = z.output<typeof schema>;

export const packerWindowsRestartKind = defineProvisioner({
  type: 'packer-windows-restart',
  summary:
    'Restarts a Windows machine and waits for it exactly as the windows-restart provisioner of Packer does.',
  schema,
  keyVersion: 1,
  effect: () => 'run',
  secrets: lateSecrets,
  run: async (options, machine, context) => {
    const { runPackerWindowsRestart } = await import('./run-windows-restart.ts');
    return await runPackerWindowsRestart(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Restart', options: {} },
      { title: 'Until no restart is pending', options: { check_registry: true, restart_timeout: '30m' } },
    ],
    bad: [{ title: 'No unit', options: { restart_timeout: '5' }, error: 'missing unit in duration' }],
  },
});
