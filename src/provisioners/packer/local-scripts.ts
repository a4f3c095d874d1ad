import { randomInt } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type OutputChunk, runHostCommand, shellExitCode, SpawnError } from '../../util/exec.ts';
import { escapeQuote, flattenVariables } from './environment.ts';
import { renderText } from './render.ts';
import { checkExitCode, isGiven } from './scripts.ts';
import type { PackerShellLocalOptions } from './shell-local.ts';
import { stepFailure } from './step-failure.ts';

/** Where and how scripts of the host run. */
export interface LocalSurroundings {
  /** What the live machine, or the artifact, is known by. */
  readonly facts: Readonly<Record<string, string>>;
  /** Folder in which the scripts start and from which their paths go. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
  readonly output: (chunk: OutputChunk) => void;
  /** Default: this host's, in Go's words (`linux`, `darwin`, `windows`). */
  readonly system?: string;
}

/**
 * Runs `inline`, `command`, `script` or `scripts` with the user's environment, as Packer does on the host. Gives
 * false when `only_on` leaves this system out. @throws FailureError `step-failed`
 */
export async function runLocalScripts(
  options: PackerShellLocalOptions,
  surroundings: LocalSurroundings,
): Promise<boolean> {
  const system = surroundings.system ?? goSystem(process.platform);
  if ((options.only_on ?? []).length > 0 && options.only_on?.includes(system) === false) {
    surroundings.say('Skipping shell-local due to runtime OS');
    return false;
  }
  const { scripts = [], script } = options;
  const given = isGiven(script) ? [script] : scripts;
  if (given.length > 0) {
    for (const name of given) await runScript(name, options, surroundings);
    return true;
  }
  const file = await inlineFile(options, surroundings);
  try {
    await runScript(file, options, surroundings);
  } finally {
    await rm(file, { force: true });
  }
  return true;
}

const goSystem = (platform: NodeJS.Platform): string =>
  platform === 'win32' ? 'windows' : platform === 'sunos' ? 'solaris' : platform;

/** Writes the commands to a file with a name as Packer gives it. */
async function inlineFile(
  options: PackerShellLocalOptions,
  surroundings: LocalSurroundings,
): Promise<string> {
  const commands = isGiven(options.command) ? [options.command] : (options.inline ?? []);
  const shebang = isGiven(options.inline_shebang) ? options.inline_shebang : '/bin/sh -e';
  const lines = commands.map((line) => `${render(line, options, surroundings)}\n`);
  const extension = (options.tempfile_extension ?? '').replace(/^\./, '');
  const name = `packer-shell${randomInt(1e9, 1e10)}`;
  const file = path.join(tmpdir(), extension === '' ? name : `${name}.${extension}`);
  // `wx`: the folder is everybody's.
  await writeFile(file, `#!${shebang}\n${lines.join('')}`, { mode: 0o700, flag: 'wx' });
  return file;
}

async function runScript(
  script: string,
  options: PackerShellLocalOptions,
  surroundings: LocalSurroundings,
): Promise<void> {
  const { directory, environment, facts, output, say, signal } = surroundings;
  const file = path.resolve(directory, script);
  const format = options.env_var_format || "%s='%s' ";
  const rendered = {
    ...options,
    environment_vars: options.environment_vars?.map((text) => render(text, options, surroundings)),
  };
  const data = { Vars: flattenVariables(rendered, facts, format, escapeQuote), Script: file, Command: file };
  const template = (options.execute_command ?? []).length > 0 ? options.execute_command : undefined;
  const argv = (template ?? ['/bin/sh', '-c', '{{.Vars}} {{.Script}}']).map((word) =>
    render(word, options, surroundings, data),
  );
  say(`Running local shell script: ${script}`);
  const hidden = hideCommand(argv);
  try {
    const outcome = await runHostCommand({
      argv: hidden?.argv ?? argv,
      env: { ...definedOf(environment), ...hidden?.env },
      cwd: directory,
      signal,
      onOutput: output,
    });
    signal.throwIfAborted();
    checkExitCode(shellExitCode(outcome), options.valid_exit_codes);
  } catch (cause) {
    if (!(cause instanceof SpawnError)) throw cause;
    const message = `Error executing script: ${file}\n\nPlease see output above for more information.`;
    throw stepFailure(message, { cause });
  }
}

/**
 * `sh -c TEXT` that takes the text from a variable which it then forgets: variables with secrets are in the text, and the
 * list of processes is for everybody. Undefined for other programs.
 */
function hideCommand(
  argv: readonly string[],
): { readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> } | undefined {
  const [program = '', flag, text, ...rest] = argv;
  if (flag !== '-c' || text === undefined || rest.length > 0 || !/(?:^|\/)[a-z]*sh$/.test(program)) {
    return undefined;
  }
  const script = 'imgpipe_text=$IMGPIPE_TEXT; unset IMGPIPE_TEXT; eval "$imgpipe_text"';
  return { argv: [program, flag, script], env: { IMGPIPE_TEXT: text } };
}

const definedOf = (environment: LocalSurroundings['environment']): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );

const render = (
  text: string,
  options: PackerShellLocalOptions,
  { facts, directory }: LocalSurroundings,
  data: Readonly<Record<string, string>> = {},
): string => renderText(text, { build: options, facts, directory }, data);
