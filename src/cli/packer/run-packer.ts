import { ServerQuestions } from '../../template/packer-servers/server-questions.ts';
import type { CliContext } from '../context.ts';
import { type CommandWork, helpOf, type PackerCommand } from './command.ts';
import { COMMANDS } from './commands.ts';
import { parseFlags } from './flags.ts';
import { openPackerLog } from './packer-log.ts';
import { machineUi, textUi } from './packer-ui.ts';
import { PACKER_VERSION } from '../../template/packer-kinds/packer-version.ts';

/** Exit code for a command that does not exist, and for none. */
const NO_COMMAND = 127;

/** Runs a command line of Packer's to its exit code. */
export async function runPacker(argv: readonly string[], context: CliContext): Promise<number> {
  const log = openPackerLog(context, () => new Date());
  if (typeof log === 'string') {
    context.stderr.write(`${log}\n`);
    return 1;
  }
  try {
    return await runLine(argv, { context, log });
  } finally {
    log.close();
  }
}

async function runLine(
  argv: readonly string[],
  { context, log }: Pick<CommandWork, 'context' | 'log'>,
): Promise<number> {
  const machineReadable = argv.includes('-machine-readable');
  const args = argv.filter((argument) => argument !== '-machine-readable');
  const plain = machineReadable ? machineUi(context.stdout, () => new Date()) : textUi(context.stdout);
  const ui = log.beside(plain);
  const [first, ...rest] = args;
  if (first !== undefined && ['-v', '-version', '--version'].includes(first)) {
    context.stdout.write(`Packer v${PACKER_VERSION}\n`);
    return 0;
  }
  if (first !== undefined && AUTOCOMPLETE.has(first)) {
    ui.error(NO_AUTOCOMPLETE);
    return 1;
  }
  const entry = first !== undefined && Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (entry === undefined) {
    context.stdout.write(`${overview()}\n`);
    return isHelp(first) ? 0 : NO_COMMAND;
  }
  log.info(`command: ${first ?? ''}, in ${context.cwd}`);
  const command = await entry.load();
  if (rest.some(isHelp)) {
    context.stdout.write(`${helpOf(command)}\n`);
    return 0;
  }
  return await runCommand(command, rest, { ui, context, machineReadable, log });
}

const AUTOCOMPLETE: ReadonlySet<string> = new Set(
  ['install', 'uninstall'].flatMap((what) => [`-autocomplete-${what}`, `--autocomplete-${what}`]),
);

const NO_AUTOCOMPLETE = `imgpipe changes no files of your shell. For completion, put this into them:

  source <(imgpipe completion)`;

const isHelp = (argument: string | undefined): boolean =>
  argument === '-h' || argument === '-help' || argument === '--help';

async function runCommand(
  command: PackerCommand,
  args: readonly string[],
  work: Omit<CommandWork, 'flags' | 'servers'>,
): Promise<number> {
  const flags = parseFlags(args, command.flags);
  if (!flags.ok) {
    for (const { message } of flags.failures) work.ui.error(message);
    work.ui.say(helpOf(command));
    return 1;
  }
  let code: number | 'usage';
  try {
    code = await command.run({
      ...work,
      flags: flags.value,
      servers: new ServerQuestions(work.context.env),
    });
  } catch (error) {
    // Each value has its limit, but all of them together may still be more than one text can hold.
    if (!(error instanceof RangeError) || error.message !== 'Invalid string length') throw error;
    work.ui.error('The values of the template are too long to be shown.');
    return 1;
  }
  if (code !== 'usage') return code;
  work.ui.say(helpOf(command));
  return 1;
}

function overview(): string {
  const names = Object.keys(COMMANDS);
  const width = Math.max(...names.map((name) => name.length));
  const lines = Object.entries(COMMANDS).map(
    ([name, { summary }]) => `    ${name.padEnd(width)}    ${summary}`,
  );
  return `Usage: packer [--version] [--help] <command> [<args>]\n\nAvailable commands are:\n${lines.join('\n')}\n`;
}
