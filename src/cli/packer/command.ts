import type { Failure } from '../../diagnostics/failure.ts';
import type { ServerQuestions } from '../../template/packer-servers/server-questions.ts';
import type { CliContext } from '../context.ts';
import { DiagnosticWriter } from './diagnostics.ts';
import type { FlagTable, ParsedFlags } from './flags.ts';
import { stdinSoFar } from './read-stdin.ts';
import type { PackerLog } from './packer-log.ts';
import type { PackerUi } from './packer-ui.ts';

/** One command of the entry point: one file in commands/, one row in `commands.ts`. */
export interface PackerCommand {
  /** Text of `-h`, from `Usage:` on. */
  readonly help: string;
  /** Command lines with what they are for, shown after the help. */
  readonly examples: readonly (readonly [line: string, about: string])[];
  readonly flags: FlagTable;
  /** Gives the exit code, or `usage` when the command line does not fit. */
  readonly run: (work: CommandWork) => number | 'usage' | Promise<number | 'usage'>;
}

export interface CommandWork {
  readonly flags: ParsedFlags;
  readonly ui: PackerUi;
  readonly context: CliContext;
  readonly machineReadable: boolean;
  /** What functions of the template ask servers: each question once in a run. */
  readonly servers: ServerQuestions;
  readonly log: PackerLog;
}

/** The whole text of `-h`. */
export function helpOf({ help, examples }: PackerCommand): string {
  const lines = examples.map(([line, about]) => `  ${line}\n      ${about}`);
  return `${help}\n\nExamples:\n\n${lines.join('\n')}`;
}

/** Prints all problems of a kind as one text, as Packer does; gives the exit code they mean. */
export function printProblems(
  { ui, context }: Pick<CommandWork, 'ui' | 'context'>,
  problems: { readonly failures?: readonly Failure[]; readonly warnings?: readonly Failure[] },
): number {
  const { failures = [], warnings = [] } = problems;
  if (failures.length === 0 && warnings.length === 0) return 0;
  const writer = new DiagnosticWriter({ cwd: context.cwd, stdin: stdinSoFar(context), hide: ui.hide });
  const text = [
    ...warnings.map((warning) => writer.format('Warning', warning)),
    ...failures.map((failure) => writer.format('Error', failure)),
  ].join('');
  if (failures.length > 0) ui.error(text);
  else ui.say(text);
  return failures.length > 0 ? 1 : 0;
}
