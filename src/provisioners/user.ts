import * as z from 'zod';
import { imagePath, octalMode } from '../schema/image-fields.ts';
import { accountName, accountId } from './accounts/fields.ts';
import { defineProvisioner } from './provisioner.ts';

const schema = z
  .strictObject({
    user: accountName().describe('Login name.'),
    uid: accountId().optional().describe('Numeric id. Default: the next free one.'),
    group: z
      .union([accountName(), accountId()])
      .optional()
      .describe("Primary group, by name or id; it must exist. Default: a group of the user's name."),
    groups: z.array(accountName()).default([]).describe('Further groups; they must exist.'),
    system: z
      .boolean()
      .default(false)
      .describe('A system account: an id below 1000, no ageing, no home folder unless asked for.'),
    comment: z
      .string()
      .regex(/^[^:\n]*$/, 'must not hold a colon or a new line')
      .optional()
      .describe('Full name (GECOS).'),
    home: imagePath().optional().describe('Home folder. Default: /home/NAME.'),
    createHome: z
      .boolean()
      .optional()
      .describe('Makes the home folder from /etc/skel. Default: yes, but not for system accounts.'),
    homeMode: octalMode()
      .optional()
      .describe("Mode bits of a new home folder. Default: the image's own (login.defs)."),
    shell: imagePath()
      .optional()
      .describe(
        'Login shell. Default: /bin/bash where the image has it, else /bin/sh; for system accounts /usr/sbin/nologin.',
      ),
    passwordHash: z
      .string()
      .regex(
        /^(\$[A-Za-z0-9]+\$[^:\s]+|[*!])$/,
        'must be a crypt(5) hash such as $y$… or $6$… (`openssl passwd -6`), not a password',
      )
      .optional()
      .describe('Password as a crypt(5) hash. Default: no password can log in.'),
    authorizedKeys: z
      .array(z.string().regex(/^\S+ \S+/, 'must be a line of authorized_keys'))
      .default([])
      .describe('SSH public keys that may log in; the whole content of ~/.ssh/authorized_keys.'),
    sudo: z
      .union([z.boolean(), z.string().min(1)])
      .optional()
      .describe(
        '`true`: may run anything without a password. Text: a sudoers rule after the user name. Needs the sudo package.',
      ),
    remove: z
      .boolean()
      .default(false)
      .describe('Deletes the account and its home folder, if they are there.'),
  })
  .superRefine((options, context) => {
    if (!options.remove) return;
    const other = Object.entries(options).find(
      ([name, value]) =>
        !['user', 'remove', 'system'].includes(name) &&
        value !== undefined &&
        !(Array.isArray(value) && value.length === 0),
    );
    if (other !== undefined)
      context.addIssue({ code: 'custom', path: [other[0]], message: 'has no meaning together with remove' });
  });

export type UserOptions = z.output<typeof schema>;

export const userKind = defineProvisioner({
  type: 'user',
  summary: 'Makes, changes or deletes a user account.',
  description: `An account that exists already is changed to what is written here; what is not written stays as it is.`,
  schema,
  keyVersion: 1,
  effect: () => 'run',
  run: async (options, machine, context) => {
    const { runUserStep } = await import('./accounts/user.ts');
    return await runUserStep(options, machine, context);
  },
  examples: {
    good: [
      {
        title: 'An administrator',
        options: {
          user: 'admin',
          uid: 1000,
          groups: ['adm'],
          sudo: true,
          authorizedKeys: ['ssh-ed25519 AAAAC3Nz admin@example.org'],
        },
      },
      {
        title: 'A system account',
        options: { user: 'app', system: true, home: '/var/lib/app', shell: '/usr/sbin/nologin' },
      },
      { title: 'Deleting one', options: { user: 'games', remove: true } },
    ],
    bad: [
      {
        title: 'A password in the clear',
        options: { user: 'admin', passwordHash: 'secret' },
        error: 'crypt(5) hash',
      },
      { title: 'Upper-case name', options: { user: 'Admin User' }, error: 'account name' },
    ],
  },
});
