import { Command } from 'commander';
import { auditCommand } from './commands/audit.ts';
import { buildCommand } from './commands/build.ts';
import { cacheCommand } from './commands/cache.ts';
import { completionCommand } from './commands/completion.ts';
import { convertCommand } from './commands/convert.ts';
import { diffCommand } from './commands/diff.ts';
import { doctorCommand } from './commands/doctor.ts';
import { gcCommand } from './commands/gc.ts';
import { graphCommand } from './commands/graph.ts';
import { initCommand } from './commands/init.ts';
import { inspectCommand } from './commands/inspect.ts';
import { kindsCommand } from './commands/kinds.ts';
import { packerCommand } from './commands/packer.ts';
import { planCommand } from './commands/plan.ts';
import { psCommand } from './commands/ps.ts';
import { replayCommand } from './commands/replay.ts';
import { shellCommand } from './commands/shell.ts';
import { updateCommand } from './commands/update.ts';
import { validateCommand } from './commands/validate.ts';
import { verifyCommand } from './commands/verify.ts';
import { versionCommand } from './commands/version.ts';
import { whyCommand } from './commands/why.ts';
import { VERSION, type CliContext } from './context.ts';
import { toCommander, type CommandSpec, type Finish } from './define-command.ts';

/** Every command, in the order of `--help`. A new one is one file and one row. */
export const COMMANDS: readonly CommandSpec[] = [
  initCommand,
  validateCommand,
  planCommand,
  buildCommand,
  whyCommand,
  diffCommand,
  auditCommand,
  graphCommand,
  inspectCommand,
  verifyCommand,
  kindsCommand,
  shellCommand,
  updateCommand,
  cacheCommand,
  gcCommand,
  psCommand,
  replayCommand,
  packerCommand,
  convertCommand,
  doctorCommand,
  completionCommand,
  versionCommand,
];

/** The whole command line as a commander program. */
export function createProgram(context: CliContext, finish: Finish): Command {
  const program = new Command('imgpipe')
    .description('Builds machine images from one template and rebuilds only what changed.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help of a command')
    .addHelpText(
      'after',
      '\nOptions may have one dash or two. Exit codes: 0 done, 1 build failed, 2 template or usage, 130 stopped.',
    );
  for (const spec of COMMANDS) program.addCommand(toCommander(spec, context, finish));
  return program;
}
