import * as z from 'zod';
import { lateSecrets } from '../../model/late-value.ts';
import { checkShellLocal, SHELL_LOCAL_SCHEMA } from '../../template/packer-kinds/shell-provisioners.ts';
import { defineProvisioner } from '../provisioner.ts';
import { BUILD_FIELDS, contentPath, contentPaths, OPTIONS_ONLY, reportErrors } from './build-fields.ts';
import { scriptInputs } from './scripts.ts';

/** Options of the step and of the post-processor of this name. */
export const packerShellLocalSchema = z
  .strictObject({
    ...SHELL_LOCAL_SCHEMA.shape,
    script: contentPath('A script of the host.'),
    scripts: contentPaths('Scripts of the host, run in their order.'),
    ...BUILD_FIELDS,
  })
  .superRefine((options, context) => reportErrors(checkShellLocal(options, OPTIONS_ONLY).errors, context));

export type PackerShellLocalOptions = z.output<typeof packerShellLocalSchema>;

export const packerShellLocalKind = defineProvisioner({
  type: 'packer-shell-local',
  summary: 'Runs shell scripts on this host exactly as the shell-local provisioner of Packer does.',
  description: `Nobody knows what a program of the host reads and writes, so that it runs in every build; what comes after it in the
template is not built again for its sake.`,
  schema: packerShellLocalSchema,
  keyVersion: 1,
  effect: () => 'run',
  // A script that is told where the machine is may well change it.
  reach: (options) => (JSON.stringify(options).includes('<<imgpipe:build:') ? 'machine' : 'host'),
  inputs: scriptInputs,
  secrets: lateSecrets,
  untracked: () => 'it runs on this host',
  run: async (options, machine, context) => {
    const { runShellLocalStep } = await import('./run-shell-local.ts');
    return await runShellLocalStep(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Commands', options: { inline: ['mkdir -p out', 'date > out/started'] } },
      {
        title: 'With bash',
        options: { script: 'check.sh', execute_command: ['/bin/bash', '-c', '{{.Vars}} {{.Script}}'] },
      },
    ],
    bad: [
      { title: 'Nothing to run', options: {}, error: 'cannot all be empty' },
      { title: 'Another system', options: { inline: ['true'], only_on: ['beos'] }, error: 'Invalid OS' },
    ],
  },
});
