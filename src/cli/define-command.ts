import { Command } from 'commander';
import type { CliContext, CommandEnd } from './context.ts';
import { addCommonOptions } from './options/common-options.ts';

export interface CommandExample {
  readonly line: string;
  readonly about: string;
}

/** A command: one file in commands/, one row in program.ts. Its declaration is also its help and its page. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  /** Paragraphs for `--help` and docs/commands.md. */
  readonly description?: string;
  readonly examples: readonly CommandExample[];
  /** Adds arguments and options. */
  readonly declare?: (command: Command) => Command;
  readonly subcommands?: readonly CommandSpec[];
  /**
   * Does the work. `args`: positional arguments in the order declared; `options`: what commander parsed, typed by the
   * command from its own declaration.
   */
  readonly run?: (context: CliContext, args: readonly unknown[], options: never) => Promise<CommandEnd>;
}

/** Types a command's options once, at its declaration. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it types `options` of `run`
export function defineCommand<Options extends object>(
  spec: Omit<CommandSpec, 'run'> & {
    readonly run?: (context: CliContext, args: readonly unknown[], options: Options) => Promise<CommandEnd>;
  },
): CommandSpec {
  return spec;
}

export type Finish = (end: CommandEnd, options: object) => void;

/** The commander object of a command. `finish` gets what the command ended with. */
export function toCommander(spec: CommandSpec, context: CliContext, finish: Finish): Command {
  const command = new Command(spec.name)
    .summary(spec.summary)
    .description(
      spec.description === undefined ? `${spec.summary}.` : `${spec.summary}.\n\n${spec.description}`,
    );
  spec.declare?.(command);
  const { run } = spec;
  if (run !== undefined) {
    addCommonOptions(command);
    command.action(async (...parameters: unknown[]) => {
      // commander passes the arguments, then the options, then the command.
      const args = parameters.slice(0, -2);
      const options = command.opts();
      finish(await run(context, args, options as never), options);
    });
  }
  for (const child of spec.subcommands ?? []) command.addCommand(toCommander(child, context, finish));
  const width = Math.max(0, ...spec.examples.map((example) => example.line.length));
  const examples = spec.examples.map(({ line, about }) => `  ${line.padEnd(width)}  ${about}`);
  if (examples.length > 0) command.addHelpText('after', `\nExamples:\n${examples.join('\n')}`);
  return command;
}
