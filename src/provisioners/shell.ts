import * as z from 'zod';
import { environmentName, hostPath, imagePath, octalMode, ownerField } from '../schema/image-fields.ts';
import { defineProvisioner } from './provisioner.ts';
import { expandShell, shellInputs, shellSecrets } from './shell/options.ts';

const cacheMount = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/, 'must be lower-case letters, digits, dots, dashes and underscores')
    .describe('Steps that name the same id share the folder.'),
  target: imagePath().describe('Where the folder is seen while the step runs.'),
  mode: octalMode().optional().describe('Mode bits of the folder when it is made. Default: 0755.'),
});

const secretMount = z.strictObject({
  secret: z.string().min(1).describe('Name of a declared secret.'),
  target: imagePath().optional().describe('File with the value, in memory only. Default: /run/secrets/NAME.'),
  env: environmentName().optional().describe('Environment variable with the value, instead of a file.'),
  mode: octalMode()
    .optional()
    .describe("Mode bits of the file, which belongs to the step's user. Default: 0400."),
});

const inputMount = z.strictObject({
  source: hostPath().describe(
    'Host file or folder, relative to the template. Its content is part of the key.',
  ),
  target: imagePath().describe(
    'Where it is seen, read-only, while the step runs: as a copy that belongs to root, with times of the date of the build.',
  ),
  exclude: z
    .array(z.string().min(1))
    .optional()
    .describe(
      'Glob patterns, relative to a folder: what the step is not to see, which is then not in the key.',
    ),
});

const schema = z
  .strictObject({
    inline: z
      .union([z.string().min(1), z.array(z.string()).min(1)])
      .optional()
      .describe('Commands; a list is joined with newlines into one script.'),
    script: hostPath()
      .optional()
      .describe(
        'One script on the host. Its content is part of the key, and so is its file name, which it is told; its folder is not.',
      ),
    scripts: z
      .array(hostPath())
      .min(1)
      .optional()
      .meta({ key: 'content' })
      .describe('Several scripts, run in order; each is a step of its own with its own layer.'),
    args: z.array(z.string()).default([]).describe('Arguments of the script.'),
    interpreter: z
      .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
      .optional()
      .describe(
        'Program that runs the commands, e.g. `/bin/bash -eu`. Default: the first line of a script (`#!…`), else `/bin/sh -e`.',
      ),
    env: z
      .record(environmentName(), z.string())
      .default({})
      .describe("Environment variables; nothing of the host's environment is seen."),
    workingDirectory: imagePath().optional().describe('Folder in the image to start in. Default: `/`.'),
    user: ownerField().optional().describe('User to run as, by name or id. Default: root.'),
    validExitCodes: z
      .array(z.int().min(0).max(255))
      .min(1)
      .default([0])
      .describe('Exit codes that mean success.'),
    network: z
      .enum(['host', 'none'])
      .default('host')
      .describe('`none`: only the loopback interface is there.'),
    caches: z
      .array(cacheMount)
      .default([])
      .describe('Folders kept between runs that never enter a layer (downloads, compiler caches).'),
    secrets: z
      .array(secretMount)
      .default([])
      .describe('Secrets the step may read. The key holds a keyed hash, a layer never the value.'),
    inputs: z
      .array(inputMount)
      .default([])
      .describe('Host files the step may read. What is not declared cannot be seen.'),
  })
  .superRefine((options, context) => {
    const given = (['inline', 'script', 'scripts'] as const).filter((name) => options[name] !== undefined);
    if (given.length !== 1) {
      context.addIssue({
        code: 'custom',
        path: [given[1] ?? 'inline'],
        message: 'needs exactly one of inline, script, scripts',
      });
    }
    options.secrets.forEach((item, index) => {
      if (item.env !== undefined && (item.target !== undefined || item.mode !== undefined)) {
        context.addIssue({
          code: 'custom',
          path: ['secrets', index, 'env'],
          message: 'needs either env or target, not both',
        });
      }
    });
  });

export type ShellOptions = z.output<typeof schema>;

export const shellKind = defineProvisioner({
  type: 'shell',
  summary: 'Runs commands or scripts in the image.',
  description: `Commands run as on a machine that is installing itself: no service starts, \`/tmp\` and \`/run\` are empty and do not
last, and of the host nothing is seen but the network, the time and what the step declares.

Timeouts and retries are settings of every step; a retry starts again from the clean layers below.`,
  schema,
  keyVersion: 2,
  effect: () => 'run',
  inputs: shellInputs,
  expand: expandShell,
  secrets: shellSecrets,
  run: async (options, machine, context) => {
    const { runShell } = await import('./shell/run.ts');
    return await runShell(options, machine, context);
  },
  examples: {
    good: [
      { title: 'Commands', options: { inline: ['mkdir -p /srv/app', 'echo hello > /srv/app/greeting'] } },
      {
        title: 'Scripts with variables',
        options: { scripts: ['scripts/build.sh', 'scripts/tune.sh'], env: { LEVEL: '3' } },
      },
      {
        title: 'A cache and a secret',
        options: {
          script: 'scripts/fetch.sh',
          caches: [{ id: 'npm', target: '/root/.npm' }],
          secrets: [{ secret: 'registry-token', env: 'REGISTRY_TOKEN' }],
          network: 'host',
        },
      },
    ],
    bad: [
      { title: 'Nothing to run', options: {}, error: 'exactly one of inline, script, scripts' },
      { title: 'Exit code out of range', options: { inline: 'true', validExitCodes: [300] }, error: '255' },
    ],
  },
});
