import * as z from 'zod';
import { lateSecrets } from '../../model/late-value.ts';
import {
  WINDOWS_SHELL_SCHEMA,
  windowsShellProvisioner,
} from '../../template/packer-kinds/windows-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS, contentPath, contentPaths, OPTIONS_ONLY, reportErrors } from './build-fields.ts';
import { durationErrors } from './durations.ts';
import { renderedAnew } from './rendered-anew.ts';
import { expandScripts, scriptInputs } from './scripts.ts';

const schema = z
  .strictObject({
    ...WINDOWS_SHELL_SCHEMA.shape,
    script: contentPath('A batch file of the host. Its content is part of the key.'),
    scripts: contentPaths('Batch files of the host, run in their order; each is a step of its own.'),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) => {
    reportErrors(
      [
        ...windowsShellProvisioner.check(options, OPTIONS_ONLY).errors,
        ...durationErrors(options, ['start_retry_timeout']),
      ],
      context,
    );
  });

export type PackerWindowsShellOptions = z.output<typeof schema>;

export const packerWindowsShellKind = defineProvisioner({
  type: 'packer-windows-shell',
  summary: 'Runs batch files in a Windows machine exactly as the windows-shell provisioner of Packer does.',
  schema,
  keyVersion: 1,
  effect: () => 'run',
  inputs: scriptInputs,
  expand: expandScripts,
  secrets: lateSecrets,
  untracked: (options) => renderedAnew(options),
  run: async (options, machine, context) => {
    const { runPackerWindowsShell } = await import('./run-windows-shell.ts');
    return await runPackerWindowsShell(options, machine, context);
  },
  examples: {
    good: [{ title: 'Commands', options: { inline: ['dir c:\\', 'net user'] } }],
    bad: [{ title: 'Nothing to run', options: {}, error: 'Either a script file or inline script' }],
  },
});
