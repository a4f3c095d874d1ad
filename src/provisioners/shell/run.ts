import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Machine, MachineMount } from '../../builders/machine.ts';
import type { Result } from '../../diagnostics/failure.ts';
import { fail, FailureError, ok } from '../../diagnostics/failure.ts';
import { parseMode } from '../../schema/image-fields.ts';
import type { StepRunContext } from '../provisioner.ts';
import { programCommand, programFailure, runProgram } from '../run-program.ts';
import type { ShellOptions } from '../shell.ts';

/** Where the script is seen while it runs: memory, never in a layer. */
const FOLDER = '/run/imgpipe';

interface Script {
  readonly name: string;
  readonly text: string;
}

/**
 * Runs the commands or the one script of a `shell` step.
 * Fails with `step-failed` (exit code, last lines), `step-timeout` or `input-missing`.
 */
export async function runShell(
  options: ShellOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  const script = await readScript(options, context);
  const target = `${FOLDER}/${script.name}`;
  const secrets = await secretsOf(options, context);
  const run = await runProgram(machine, {
    ...programCommand(...interpreterOf(options, script), target, ...options.args),
    env: { ...options.env, ...secrets.env },
    cwd: options.workingDirectory ?? '/',
    ...(options.user === undefined ? {} : { user: String(options.user) }),
    network: options.network,
    mounts: [
      // Not a secret, but the one mount whose content comes from memory: also users other than root can read it.
      { type: 'secret', value: script.text, target, mode: 0o755 },
      ...options.caches.map(({ id, target: at, mode }): MachineMount => ({
        type: 'cache',
        id,
        target: at,
        ...(mode === undefined ? {} : { mode: parseMode(mode) }),
      })),
      ...secrets.mounts,
      ...options.inputs.map((input): MachineMount => ({
        type: 'host',
        source: context.resolvePath(input.source),
        target: input.target,
        ...(input.exclude === undefined ? {} : { exclude: input.exclude }),
      })),
    ],
  });
  if (run.outcome.type === 'exited' && options.validExitCodes.includes(run.outcome.code)) return ok();
  const what = options.script === undefined ? 'the script' : `the script ${options.script}`;
  return fail(programFailure(what, run));
}

async function readScript(options: ShellOptions, context: StepRunContext): Promise<Script> {
  if (options.script === undefined)
    return { name: 'inline.sh', text: `${[options.inline ?? []].flat().join('\n')}\n` };
  const path = context.resolvePath(options.script);
  try {
    const bytes = await readFile(path);
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { name: basename(path), text };
  } catch (cause) {
    const isBinary = cause instanceof TypeError;
    throw new FailureError({
      reason: 'input-missing',
      message: `script: ${path} ${isBinary ? 'is not a text file' : 'cannot be read'}`,
      ...(isBinary
        ? { hint: 'Put programs into the image with a `file` step and call them from `inline`.' }
        : {}),
      cause,
    });
  }
}

/** The program and its arguments that run a script: as told, else by its first line as execve(2) reads it, else sh -e. */
export function interpreterOf(
  options: Pick<ShellOptions, 'interpreter'>,
  script: { readonly text: string },
): string[] {
  if (Array.isArray(options.interpreter)) return options.interpreter;
  if (options.interpreter !== undefined)
    return options.interpreter.split(/\s+/).filter((word) => word !== '');
  const shebang = /^#![ \t]*(\S+)[ \t]*([^\n]*?)[ \t\r]*(?:\n|$)/.exec(script.text);
  if (shebang?.[1] === undefined) return ['/bin/sh', '-e'];
  // The kernel hands everything after the program over as one argument.
  return shebang[2] === undefined || shebang[2] === '' ? [shebang[1]] : [shebang[1], shebang[2]];
}

async function secretsOf(
  options: ShellOptions,
  context: StepRunContext,
): Promise<{ env: Record<string, string>; mounts: MachineMount[] }> {
  const env: Record<string, string> = {};
  const mounts: MachineMount[] = [];
  for (const item of options.secrets) {
    const value = await context.secret(item.secret);
    if (item.env !== undefined) env[item.env] = value;
    else {
      const target = item.target ?? `/run/secrets/${item.secret}`;
      mounts.push({ type: 'secret', value, target, mode: parseMode(item.mode ?? '0400') });
    }
  }
  return { env, mounts };
}
