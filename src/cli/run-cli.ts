import type { Command } from 'commander';
import { exitCodeOf } from '../diagnostics/failure-reasons.ts';
import { FailureError, type Failure } from '../diagnostics/failure.ts';
import { storageFailure } from '../diagnostics/storage-failure.ts';
import type { CliContext, CommandEnd } from './context.ts';
import { normalizeArguments } from './normalize-arguments.ts';
import { usesColor, workingDirectory, type CommonOptions } from './options/common-options.ts';
import { createProgram } from './program.ts';

/** Runs one command line to its exit code. Expected failures are printed to standard error. */
export async function runCli(argv: readonly string[], context: CliContext): Promise<number> {
  if (argv[0] === 'packer') {
    // Before anything else: this command line follows Packer's rules, not ours.
    return await (await import('./packer/run-packer.ts')).runPacker(argv.slice(1), context);
  }
  let exitCode = 0;
  let ended: { readonly end: CommandEnd; readonly options: CommonOptions } | undefined;
  const program = createProgram(context, (end, options) => (ended = { end, options }));
  quietExits(program, context);
  try {
    await program.parseAsync(normalizeArguments(argv), { from: 'user' });
  } catch (error) {
    if (error instanceof FailureError) return await report(error.failures, context, {});
    const broken = storageFailure(error);
    if (broken !== undefined) return await report([broken], context, {});
    const usage = usageFailure(error);
    if (usage === undefined) throw error;
    return usage === 'printed' ? 0 : await report([usage], context, {});
  }
  if (ended === undefined) {
    // No command at all: help is what the user needs.
    program.outputHelp({ error: true });
    exitCode = 2;
  } else if (typeof ended.end === 'number') {
    exitCode = ended.end;
  } else {
    exitCode = await report(ended.end.failures, context, ended.options);
  }
  return exitCode;
}

async function report(
  failures: readonly Failure[],
  context: CliContext,
  options: CommonOptions,
): Promise<number> {
  const { formatFailures } = await import('../diagnostics/printer.ts');
  const color = usesColor(context.stderr, options.color, context.env);
  context.stderr.write(
    formatFailures(failures, {
      color,
      cwd: workingDirectory(context, options),
      width: context.stderr.columns,
    }),
  );
  return exitCodeOf(failures.map((failure) => failure.reason));
}

/** commander then throws where it would end the process, and writes where the context says. */
function quietExits(command: Command, context: CliContext): void {
  command.exitOverride().configureOutput({
    writeOut: (text) => context.stdout.write(text),
    writeErr: (text) => context.stderr.write(text),
    // What is wrong comes with the thrown error, and our printer shows it.
    outputError: () => undefined,
    getOutHelpWidth: () => Math.min(context.stdout.columns ?? 100, 120),
    getErrHelpWidth: () => Math.min(context.stderr.columns ?? 100, 120),
  });
  for (const child of command.commands) quietExits(child, context);
}

interface CommanderLikeError extends Error {
  readonly code: string;
  readonly exitCode: number;
}

/** By its fields, so that the class is not needed here: `commander.helpDisplayed`, `commander.unknownOption` … */
function isCommanderError(error: unknown): error is CommanderLikeError {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('commander.');
}

function usageFailure(error: unknown): Failure | 'printed' | undefined {
  if (!isCommanderError(error)) return undefined;
  if (error.exitCode === 0) return 'printed';
  if (error.code === 'commander.help') {
    return { reason: 'usage', message: 'a subcommand is missing', hint: 'Choose one of those above.' };
  }
  const [first = '', ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = /\((.*)\)/.exec(rest.join(' '))?.[1];
  const hint = suggestion === undefined ? 'Run it with --help to see what there is.' : suggestion;
  return { reason: 'usage', message: first, hint };
}
