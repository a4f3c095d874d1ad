import { type Failure, type Result, fail, ok } from '../../diagnostics/failure.ts';

/**
 * How a flag takes its value. `names`: comma-separated, may be given often; `each`: may be given often;
 * `pairs`: `key=value`, may be given often; an array: one of these words.
 */
export type FlagType = 'switch' | 'text' | 'whole' | 'names' | 'each' | 'pairs' | readonly string[];
export type FlagTable = Readonly<Record<string, FlagType>>;

export interface ParsedFlags {
  readonly args: readonly string[];
  readonly switches: ReadonlyMap<string, boolean>;
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);

/**
 * Reads a command line as Go's `flag` package does: one dash or two, `-flag=value` or `-flag value`, a switch takes
 * its value after `=` only, and the first word that is no flag, or `--`, ends the flags.
 */
export function parseFlags(args: readonly string[], table: FlagTable): Result<ParsedFlags> {
  const switches = new Map<string, boolean>();
  const lists = new Map<string, readonly string[]>();
  let at = 0;
  for (; at < args.length; at += 1) {
    const argument = args[at] ?? '';
    if (argument.length < 2 || !argument.startsWith('-')) break;
    if (argument === '--') {
      at += 1;
      break;
    }
    const found = /^--?([^=]*)(?:=(.*))?$/s.exec(argument);
    const name = found?.[1] ?? '';
    if (name === '' || name.startsWith('-')) return usage(`bad flag syntax: ${argument}`);
    const type = Object.hasOwn(table, name) ? table[name] : undefined;
    if (type === undefined) return usage(`flag provided but not defined: -${name}`);
    if (type === 'switch') {
      const text = found?.[2] ?? 'true';
      if (!TRUE.has(text) && !FALSE.has(text)) {
        return usage(`invalid boolean value ${JSON.stringify(text)} for -${name}: parse error`);
      }
      switches.set(name, TRUE.has(text));
      continue;
    }
    const text = found?.[2] ?? args[(at += 1)];
    if (text === undefined) return usage(`flag needs an argument: -${name}`);
    const problem = take(name, type, text, lists);
    if (problem !== undefined) {
      return usage(`invalid value ${JSON.stringify(text)} for flag -${name}: ${problem}`);
    }
  }
  return ok({ args: args.slice(at), switches, lists });
}

function take(
  name: string,
  type: Exclude<FlagType, 'switch'>,
  text: string,
  lists: Map<string, readonly string[]>,
): string | undefined {
  const earlier = lists.get(name) ?? [];
  switch (type) {
    case 'names':
      lists.set(name, [...earlier, ...text.split(',')]);
      return undefined;
    case 'pairs':
      if (!text.includes('=')) return `No '=' value in arg: ${text}`;
      lists.set(name, [...earlier, text]);
      return undefined;
    case 'each':
      lists.set(name, [...earlier, text]);
      return undefined;
    case 'whole':
      if (!/^[+-]?\d+$/.test(text)) return 'parse error';
      lists.set(name, [text]);
      return undefined;
    case 'text':
      lists.set(name, [text]);
      return undefined;
    default:
      if (!type.includes(text))
        return `expected one of [${type.map((word) => JSON.stringify(word)).join(' ')}]`;
      lists.set(name, [text]);
      return undefined;
  }
}

function usage(message: string): { readonly ok: false; readonly failures: readonly Failure[] } {
  return fail({ reason: 'usage', message });
}
