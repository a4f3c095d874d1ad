import * as z from 'zod';
import { lateSecrets } from '../../model/late-value.ts';
import { checkRemoteScripts } from '../../template/packer-kinds/scripts.ts';
import { SHELL_SCHEMA } from '../../template/packer-kinds/shell-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS, contentPath, contentPaths, OPTIONS_ONLY, reportErrors } from './build-fields.ts';
import { durationErrors } from './durations.ts';
import { renderedAnew } from './rendered-anew.ts';
import { expandScripts, scriptInputs } from './scripts.ts';

const schema = z
  .strictObject({
    ...SHELL_SCHEMA.shape,
    script: contentPath('A script of the host. Its content is part of the key.'),
    scripts: contentPaths('Scripts of the host, run in their order; each is a step of its own.'),
    pause_after: SHELL_SCHEMA.shape.pause_after.meta({
      description: 'Wait this long after the scripts.',
      key: 'out',
    }),
    start_retry_timeout: SHELL_SCHEMA.shape.start_retry_timeout.meta({
      description: 'Try this long to upload and start a script; 5 minutes when left out.',
      key: 'out',
    }),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) => {
    reportErrors(
      [
        ...checkRemoteScripts(options, OPTIONS_ONLY),
        ...durationErrors(options, ['pause_after', 'start_retry_timeout']),
      ],
      context,
    );
  });

export type PackerShellOptions = z.output<typeof schema>;

export const packerShellKind = defineProvisioner({
  type: 'packer-shell',
  summary: 'Runs shell scripts in the machine exactly as the shell provisioner of Packer does.',
  description: `The script is uploaded, made executable, started by \`execute_command\` and deleted. The options are Packer's own.
Templates of Packer use this kind; in other templates \`shell\` does the same job with less.`,
  schema,
  keyVersion: 1,
  effect: () => 'run',
  inputs: scriptInputs,
  expand: expandScripts,
  secrets: lateSecrets,
  untracked: (options) => renderedAnew(options),
  run: async (options, machine, context) => {
    const { runPackerShell } = await import('./run-shell.ts');
    return await runPackerShell(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Commands', options: { inline: ['mkdir -p /srv/app', 'echo hello > /srv/app/greeting'] } },
      {
        title: 'Scripts as another user',
        options: {
          scripts: ['scripts/build.sh', 'scripts/tune.sh'],
          environment_vars: ['LEVEL=3'],
          execute_command: "sudo env {{ .Vars }} sh '{{ .Path }}'",
        },
      },
    ],
    bad: [
      { title: 'Nothing to run', options: {}, error: 'Either a script file or inline script' },
      {
        title: 'A variable without a name',
        options: { inline: ['true'], environment_vars: ['=x'] },
        error: "not in format 'key=value'",
      },
    ],
  },
});
