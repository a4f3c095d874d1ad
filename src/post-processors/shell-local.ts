import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { runTool } from '../exporters/run-tool.ts';
import type { ExecOutcome, HostCommand } from '../util/exec.ts';
import { environmentName } from '../schema/image-fields.ts';
import { fileName } from './file-name-field.ts';
import { newFile, withFiles } from './new-file.ts';
import { definePostProcessor, type PostContext } from './post-processor.ts';

const schema = z.strictObject({
  command: z.string().min(1).describe('Commands for `sh -e`, run in the folder of the template.'),
  env: z.record(environmentName(), z.string()).default({}).describe('Environment of the command.'),
  secrets: z
    .record(environmentName(), z.string().meta({ secret: true }))
    .default({})
    .describe('Names of secrets by the variable that has the value of each while the command runs.'),
  inputs: z
    .array(z.string().min(1))
    .optional()
    .describe('Files and folders that the command reads, relative to the template. An empty list: none.')
    .meta({ key: 'content' }),
  outputs: z
    .array(fileName())
    .optional()
    .describe('Files that the command writes into `$IMGPIPE_OUTPUT`; they become part of the artifact.'),
});

export const shellLocalPostProcessor = definePostProcessor({
  type: 'shell-local',
  summary: 'Runs a command on this machine.',
  description: `The command finds the artifact in \`$IMGPIPE_ARTIFACT\` (its first file) and \`$IMGPIPE_FILES\` (all of them, a line each), and the name
of the pipeline in \`$IMGPIPE_PIPELINE\`; the rest of its environment is that of imgpipe. What it writes into the folder \`$IMGPIPE_OUTPUT\` must be declared in \`outputs\`.

imgpipe cannot see what such a command reads. It therefore runs in every build, unless \`inputs\` or \`outputs\` declare what it
reads and writes: then it runs when the artifact, the command or one of the inputs changes.`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  examples: {
    good: [
      { title: 'Tell someone', options: { command: 'echo "$IMGPIPE_ARTIFACT is ready"' } },
      {
        title: 'Make another file of it',
        options: {
          command: './describe.sh "$IMGPIPE_ARTIFACT" >"$IMGPIPE_OUTPUT/about.txt"',
          inputs: ['describe.sh'],
          outputs: ['about.txt'],
        },
      },
    ],
    bad: [{ title: 'Nothing to do', options: { command: '' }, error: 'command' }],
  },
  inputs: ({ inputs = [] }, { resolvePath }) =>
    inputs.map((path, index) => ({
      path: resolvePath(path),
      type: 'any',
      option: `inputs[${index}]`,
      modes: 'all',
      links: 'followed',
    })),
  secrets: ({ secrets }) => Object.values(secrets),
  untracked: ({ inputs, outputs }) =>
    inputs === undefined && outputs === undefined
      ? 'a command without declared inputs and outputs runs every time'
      : undefined,
  reproducible: false,
  writes: ({ outputs = [] }) => outputs,
  run: (options, artifact, context) =>
    capture(async () => {
      const { stage, signal } = context;
      const files = artifact.files.map(({ path }) => path);
      const values = Object.entries(options.secrets).map(([name, secret]) => [name, context.secret(secret)]);
      await runTool(
        { ...context, workspace: { spawn: (command) => spawnLogged(command, context) } },
        {
          argv: ['sh', '-e', '-c', options.command],
          cwd: context.resolvePath('.'),
          env: {
            ...userEnvironment(),
            ...options.env,
            ...(Object.fromEntries(values) as Record<string, string>),
            IMGPIPE_ARTIFACT: files[0] ?? artifact.id,
            IMGPIPE_FILES: files.join('\n'),
            IMGPIPE_OUTPUT: stage,
            IMGPIPE_PIPELINE: context.pipeline.id,
          },
          reason: 'post-failed',
        },
      );
      const outputs = (options.outputs ?? []).map((name) => join(stage, name));
      const missing = outputs.find((path) => !existsSync(path));
      if (missing !== undefined) {
        throw new FailureError({
          reason: 'post-failed',
          message: `the command did not write ${basename(missing)}, which \`outputs\` declares`,
          hint: 'Write it into the folder $IMGPIPE_OUTPUT.',
        });
      }
      return withFiles(artifact, await Promise.all(outputs.map((path) => newFile(path, signal))));
    }),
});

/** Runs a program whose output is the user's to see. */
async function spawnLogged(command: HostCommand, context: PostContext): Promise<ExecOutcome> {
  return await context.workspace.spawn({
    ...command,
    onOutput: (chunk) => {
      for (const line of chunk.text.split('\n')) if (line !== '') context.log(line);
      return command.onOutput(chunk);
    },
  });
}

/** The environment of the one who builds: such commands use their tools, with their logins. */
function userEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith('IMGPIPE_VAR_'));
  return Object.fromEntries(entries) as Record<string, string>;
}
