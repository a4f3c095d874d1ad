import * as z from 'zod';
import { accountId, accountName } from './accounts/fields.ts';
import { defineProvisioner } from './provisioner.ts';

const schema = z
  .strictObject({
    group: accountName().describe('Name of the group.'),
    gid: accountId().optional().describe('Numeric id. Default: the next free one.'),
    system: z.boolean().default(false).describe('A system group: an id below 1000.'),
    members: z
      .array(accountName())
      .default([])
      .describe('Users to add; they must exist. Others stay members.'),
    remove: z.boolean().default(false).describe('Deletes the group, if it is there.'),
  })
  .refine((options) => !options.remove || (options.gid === undefined && options.members.length === 0), {
    path: ['remove'],
    message: 'has no meaning together with gid or members',
  });

export type GroupOptions = z.output<typeof schema>;

export const groupKind = defineProvisioner({
  type: 'group',
  summary: 'Makes, changes or deletes a group.',
  schema,
  keyVersion: 1,
  effect: () => 'run',
  run: async (options, machine, context) => {
    const { runGroupStep } = await import('./accounts/group.ts');
    return await runGroupStep(options, machine, context);
  },
  examples: {
    good: [
      { title: 'A group with an id', options: { group: 'deploy', gid: 2000 } },
      { title: 'Deleting one', options: { group: 'games', remove: true } },
    ],
    bad: [{ title: 'Negative id', options: { group: 'deploy', gid: -1 }, error: 'at least 0' }],
  },
});
