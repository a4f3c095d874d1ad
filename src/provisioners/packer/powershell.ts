import * as z from 'zod';
import { lateSecrets } from '../../model/late-value.ts';
import {
  POWERSHELL_SCHEMA,
  powershellProvisioner,
} from '../../template/packer-kinds/windows-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS, contentPath, contentPaths, OPTIONS_ONLY, reportErrors } from './build-fields.ts';
import { durationErrors } from './durations.ts';
import { renderedAnew } from './rendered-anew.ts';
import { expandScripts, scriptInputs } from './scripts.ts';

const schema = z
  .strictObject({
    ...POWERSHELL_SCHEMA.shape,
    script: contentPath('A script of the host. Its content is part of the key.'),
    scripts: contentPaths('Scripts of the host, run in their order; each is a step of its own.'),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) => {
    reportErrors(
      [
        ...powershellProvisioner.check(options, OPTIONS_ONLY).errors,
        ...durationErrors(options, ['pause_after', 'start_retry_timeout']),
      ],
      context,
    );
  });

export type PackerPowershellOptions = z.output<typeof schema>;

export const packerPowershellKind = defineProvisioner({
  type: 'packer-powershell',
  summary:
    'Runs PowerShell scripts in a Windows machine exactly as the powershell provisioner of Packer does.',
  description: `Environment and script are uploaded as files of their own. With \`elevated_user\` a scheduled task runs the script in the
name of that user.`,
  schema,
  keyVersion: 1,
  effect: () => 'run',
  inputs: scriptInputs,
  expand: expandScripts,
  secrets: lateSecrets,
  untracked: (options) => renderedAnew(options),
  run: async (options, machine, context) => {
    const { runPackerPowershell } = await import('./run-powershell.ts');
    return await runPackerPowershell(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Commands', options: { inline: ['Install-WindowsFeature Web-Server'] } },
      { title: 'As the administrator', options: { script: 'setup.ps1', elevated_user: 'Administrator' } },
    ],
    bad: [
      {
        title: 'An unknown policy',
        options: { inline: ['dir'], execution_policy: 'open' },
        error: 'Invalid execution policy provided',
      },
    ],
  },
});
