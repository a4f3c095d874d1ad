import path from 'node:path';
import { Option, type Command } from 'commander';
import type { CliContext } from '../context.ts';

/** Options of every command. */
export interface CommonOptions {
  readonly directory?: string;
  readonly config?: string;
  readonly cacheDir?: string;
  readonly output?: string;
  readonly color?: string | false;
}

/** Long names of the common options that take a value, and whether they do; see `normalizeArguments`. */
export const COMMON_FLAGS: ReadonlyMap<string, boolean> = new Map([
  ['-C', true],
  ['--directory', true],
  ['--config', true],
  ['--cache-dir', true],
  ['--output', true],
  ['--color', true],
  ['--no-color', false],
]);

export function addCommonOptions(command: Command): Command {
  return command
    .option('-C, --directory <folder>', 'work as if started in this folder')
    .option('--config <file>', 'project config; default: the nearest imgpipe.config.* here or above')
    .option('--cache-dir <folder>', 'folder of the cache, instead of the one that the config names')
    .option('--output <folder>', 'folder for images, instead of the one that the config names')
    .addOption(
      new Option('--color <when>', 'colour of text')
        .choices(['auto', 'always', 'never', 'true', 'false'])
        .default('auto'),
    )
    .option('--no-color', 'same as --color=never; so does the variable NO_COLOR');
}

/** The folder a command works in, absolute. */
export function workingDirectory(context: CliContext, options: CommonOptions): string {
  return path.resolve(context.cwd, options.directory ?? '.');
}

/**
 * Whether text for a stream is coloured: what the flag says, else NO_COLOR (https://no-color.org), FORCE_COLOR, else
 * whether it is a terminal.
 */
export function usesColor(
  stream: { readonly isTTY?: boolean },
  color: CommonOptions['color'],
  env: CliContext['env'],
): boolean {
  if (color === false || color === 'never' || color === 'false') return false;
  if (color === 'always' || color === 'true') return true;
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}
