import * as z from 'zod';
import { checkSshOptions, communicatorError, sshFields } from '../communicators/ssh/options.ts';
import { defineMachineBuilder } from './machine-builder.ts';

const schema = z
  .strictObject({
    communicator: z
      .enum(['ssh', 'none'], {
        error: communicatorError,
      })
      .default('ssh')
      .describe('How the machine is reached. `none`: not at all, for steps that run on this host.'),
    ...sshFields,
  })
  .superRefine((options, context) => {
    if (options.communicator === 'none') return;
    checkSshOptions(options, context);
    for (const field of ['ssh_host', 'ssh_username'] as const) {
      if (options[field] !== undefined) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: 'the machine cannot be reached without it',
      });
    }
  });

export type NullOptions = z.output<typeof schema>;

export const nullBuilder = defineMachineBuilder({
  type: 'null',
  summary: 'Runs steps in a machine that is already there.',
  description: `Nothing is started and nothing is thrown away: the steps change the machine itself. Nobody can bring it back into
an earlier state, so every step runs in every build.`,
  schema,
  keyVersion: 1,
  disk: false,
  influence: () => ({
    platform: {},
    untracked: 'the machine is not ours: nobody can bring it back into the state after this step',
  }),
  cost: () => ({ cpus: 0, memory: 0 }),
  open: async (options, context) => {
    const { openNull } = await import('./null/open.ts');
    return openNull(options, context);
  },
  examples: {
    good: [
      {
        title: 'A server',
        options: { ssh_host: '192.0.2.7', ssh_username: 'root', ssh_private_key_file: 'keys/id_ed25519' },
      },
      { title: 'Steps of this host alone', options: { communicator: 'none' } },
    ],
    bad: [{ title: 'No address', options: { ssh_username: 'root' }, error: 'cannot be reached without it' }],
  },
});
