import { capture } from '../../diagnostics/failure.ts';
import { lateSecrets } from '../../model/late-value.ts';
import { runLocalScripts } from '../../provisioners/packer/local-scripts.ts';
import { packerShellLocalSchema } from '../../provisioners/packer/shell-local.ts';
import { definePostProcessor } from '../post-processor.ts';

export const packerShellLocalPostProcessor = definePostProcessor({
  type: 'packer-shell-local',
  summary: 'Runs shell scripts on this host exactly as the shell-local post-processor of Packer does.',
  description: `The artifact goes on as it is. Nobody knows what a program of the host reads and writes, so that it runs in every build.`,
  schema: packerShellLocalSchema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  secrets: lateSecrets,
  untracked: () => 'it runs on this host',
  reproducible: false,
  run: async (options, artifact, context) =>
    await capture(async () => {
      const [only, ...more] = options.execute_command ?? [];
      // A single text is of the time when it was the command line of sh.
      const command = only !== undefined && more.length === 0 ? ['sh', '-c', only] : options.execute_command;
      await runLocalScripts(
        { ...options, execute_command: command },
        {
          facts: {},
          directory: context.resolvePath('.'),
          environment: process.env,
          signal: context.signal,
          say: context.log,
          output: ({ text }) => {
            for (const line of text.replace(/\n$/, '').split('\n')) context.log(line);
          },
        },
      );
      return artifact;
    }),
  examples: {
    good: [{ title: 'A line', options: { inline: ['echo done'] } }],
    bad: [{ title: 'Nothing to run', options: {}, error: 'cannot all be empty' }],
  },
});
