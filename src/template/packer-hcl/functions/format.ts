import { type BigFloat } from '../values/big-float.ts';
import { convertValue, tryConvert } from '../values/convert.ts';
import { BOOL, DYNAMIC, NUMBER, STRING, listOf } from '../values/type.ts';
import { type Value, isNumber, itemsOf, listValue, stringValue } from '../values/value.ts';
import { type Verb, formatFloat, formatInteger, formatText } from './format-verbs.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';
import { encodeJson } from './json.ts';

const SEQUENCE =
  /%(?<flags>[-+# 0]*)(?<width>\d+)?(?:\.(?<precision>\d*))?(?:\[(?<argument>\d+)\])?(?<letter>\p{L}|%)?/uy;
const LARGEST = 10_000;

/** The text and the `%` sequences of a format string, in order. */
function parseFormat(format: string): (string | Verb)[] {
  const parts: (string | Verb)[] = [];
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf('%', at);
    if (percent !== at) parts.push(format.slice(at, percent === -1 ? undefined : percent));
    if (percent === -1) break;
    SEQUENCE.lastIndex = percent;
    const match = SEQUENCE.exec(format);
    const groups = match?.groups ?? {};
    const text = match?.[0] ?? '%';
    at = percent + text.length;
    if (groups['letter'] === '%') parts.push('%');
    else parts.push(makeVerb(groups, text, percent, format));
  }
  return parts;
}

function makeVerb(
  groups: Readonly<Record<string, string | undefined>>,
  text: string,
  offset: number,
  format: string,
): Verb {
  const { flags = '', width, precision, argument, letter } = groups;
  if (letter === undefined) {
    const found = format[offset + text.length];
    if (found === undefined) throw new FunctionError('unexpected end of string within format', 0);
    throw new FunctionError(
      `unrecognized format character ${JSON.stringify(found)} at offset ${offset + text.length}`,
      0,
    );
  }
  if (!'vtbdoxXeEfgGsq'.includes(letter))
    throw new FunctionError(`unsupported format verb '${letter}' in "${text}" at offset ${offset}`, 0);
  if (Number(width ?? 0) > LARGEST || Number(precision ?? 0) > LARGEST)
    throw new FunctionError(`width or precision of "${text}" is too large`, 0);
  return {
    letter,
    text,
    offset,
    plus: flags.includes('+'),
    minus: flags.includes('-'),
    sharp: flags.includes('#'),
    blank: flags.includes(' '),
    zero: flags.includes('0'),
    width: width === undefined ? undefined : Number(width),
    precision: precision === undefined ? undefined : Number(precision),
    argument: argument === undefined ? undefined : Number(argument),
  };
}

/** The format string with its sequences replaced. Throws `FunctionError` for arguments that do not fit. */
export function formatValues(format: string, args: readonly Value[]): string {
  let next = 1;
  let highest = 0;
  const parts = parseFormat(format).map((part) => {
    if (typeof part === 'string') return part;
    const index = part.argument ?? next;
    next = index + 1;
    highest = Math.max(highest, index);
    const value = args[index - 1];
    if (value === undefined) {
      throw new FunctionError(
        `not enough arguments for "${part.text}" at ${part.offset}: need index ${index} but have ${args.length} total`,
      );
    }
    return formatValue(part, value);
  });
  if (highest < args.length) {
    const why = highest === 0 ? 'no verbs in format string' : `only ${highest} used by format string`;
    throw new FunctionError(`too many arguments; ${why}`, highest + 1);
  }
  return parts.join('');
}

function formatValue(verb: Verb, value: Value): string {
  const fail = (why: string): never => {
    throw new FunctionError(`unsupported value for "${verb.text}" at ${verb.offset}: ${why}`);
  };
  if (verb.letter === 'v') return formatAny(verb, value);
  if (value.data === null) return fail('null value cannot be formatted');
  if (verb.letter === 't')
    return formatText(verb, String((tryConvert(value, BOOL) ?? fail('a bool is required')).data));
  if (verb.letter === 's' || verb.letter === 'q') {
    return formatText(verb, textOf(tryConvert(value, STRING) ?? fail('a string is required')));
  }
  const number: BigFloat =
    (tryConvert(value, NUMBER)?.data as BigFloat | undefined) ?? fail('a number is required');
  if (!'bdoxX'.includes(verb.letter)) return formatFloat(verb, number);
  return number.isInteger() ? formatInteger(verb, number.truncate()) : fail('an integer is required');
}

function formatAny(verb: Verb, value: Value): string {
  if (verb.sharp) return formatText(verb, encodeJson(value));
  if (typeof value.data === 'string') return formatText(verb, value.data);
  if (isNumber(value)) return formatFloat({ ...verb, letter: 'g' }, value.data);
  return formatText(verb, value.data === null ? 'null' : encodeJson(value));
}

function formatList(format: Value | undefined, args: readonly Value[]): Value {
  const lists = args.map((arg) => itemsOf(arg));
  const first = lists.findIndex((list) => list !== undefined);
  const length = lists[first]?.length ?? 1;
  for (const [index, list] of lists.entries()) {
    if (list !== undefined && list.length !== length) {
      throw new FunctionError(
        `argument ${index + 1} has length ${list.length}, which is inconsistent with argument ${first + 1} of length ${length}`,
        index + 1,
      );
    }
  }
  const rows = Array.from({ length }, (_, row) => args.map((arg, index) => lists[index]?.[row] ?? arg));
  return listValue(
    STRING,
    rows.map((row) => stringValue(formatValues(textOf(format), row))),
  );
}

const FORMAT = parameter('format', STRING);
const ARGS = parameter('args', DYNAMIC, { allowNull: true });

export const FORMAT_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  format: {
    parameters: [FORMAT],
    rest: ARGS,
    returns: STRING,
    call: ([format, ...args]) => stringValue(formatValues(textOf(format), args)),
  },
  formatlist: {
    parameters: [FORMAT],
    rest: ARGS,
    returns: listOf(STRING),
    call: ([format, ...args]) => convertValue(formatList(format, args), listOf(STRING)),
  },
};
