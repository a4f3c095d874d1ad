import { STRING, BOOL, NUMBER, listOf } from '../values/type.ts';
import { type Value, boolValue, itemsOf, listValue, stringValue } from '../values/value.ts';
import { type FunctionDefinition, FunctionError, integerOf, parameter, textOf } from './function.ts';

const STR = parameter('str', STRING);

/** A function of one string that gives a string. */
const mapping = (change: (text: string) => string): FunctionDefinition => ({
  parameters: [STR],
  returns: STRING,
  call: ([text]) => stringValue(change(textOf(text))),
});

/** A function of two strings that gives a string. */
const pairing = (second: string, change: (text: string, other: string) => string): FunctionDefinition => ({
  parameters: [STR, parameter(second, STRING)],
  returns: STRING,
  call: ([text, other]) => stringValue(change(textOf(text), textOf(other))),
});

const testing = (second: string, test: (text: string, other: string) => boolean): FunctionDefinition => ({
  parameters: [STR, parameter(second, STRING)],
  returns: BOOL,
  call: ([text, other]) => boolValue(test(textOf(text), textOf(other))),
});

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** The characters of a text as people count them. */
export function graphemes(text: string): string[] {
  return Array.from(segmenter.segment(text), ({ segment }) => segment);
}

function substring(text: string, offset: number, length: number): string {
  const characters = graphemes(text);
  const from = offset < 0 ? offset + characters.length : offset;
  if (from < 0 || from >= characters.length) return '';
  return characters.slice(from, length < 0 ? undefined : from + length).join('');
}

function trimSet(text: string, set: string): string {
  const cut = new Set(set);
  const characters = [...text];
  let start = 0;
  let end = characters.length;
  while (start < end && cut.has(characters[start]!)) start += 1;
  while (end > start && cut.has(characters[end - 1]!)) end -= 1;
  return characters.slice(start, end).join('');
}

/** The first letter of each word in upper case; a word starts after a blank or an ASCII sign other than `_`. */
function titleCase(text: string): string {
  return text.replace(
    /(^|[\0-/:-@[-^`{-\x7f]|\s)(\p{L})/gu,
    (_, before: string, letter: string) => before + titleLetter(letter),
  );
}

function titleLetter(letter: string): string {
  const upper = letter.toUpperCase();
  return [...upper].length === 1 ? upper : letter;
}

/** Upper or lower case letter by letter, as Go does: no letter becomes two. */
function mapLetters(text: string, change: (letter: string) => string): string {
  let result = '';
  for (const letter of text) {
    const changed = change(letter);
    result += [...changed].length === 1 ? changed : letter;
  }
  return result;
}

export const STRING_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  chomp: mapping((text) => text.replace(/[\r\n]+$/, '')),
  lower: mapping((text) => mapLetters(text, (letter) => letter.toLowerCase())),
  upper: mapping((text) => mapLetters(text, (letter) => letter.toUpperCase())),
  title: mapping(titleCase),
  strrev: mapping((text) => graphemes(text).toReversed().join('')),
  trimspace: mapping((text) => text.replace(/^[\s\u0085]+|[\s\u0085]+$/g, '')),
  trim: pairing('cutset', trimSet),
  trimprefix: pairing('prefix', (text, prefix) =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  trimsuffix: pairing('suffix', (text, suffix) =>
    suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  startswith: testing('prefix', (text, prefix) => text.startsWith(prefix)),
  endswith: testing('suffix', (text, suffix) => text.endsWith(suffix)),
  // Unlike its neighbours it refuses a number in place of a text.
  strcontains: {
    parameters: [parameter('str'), parameter('substr')],
    returns: BOOL,
    call: (args) => {
      const [text, part] = args.map((arg, index) => {
        if (typeof arg.data !== 'string') throw new FunctionError('a string is required', index);
        return arg.data;
      });
      return boolValue(text!.includes(part!));
    },
  },
  replace: {
    parameters: [STR, parameter('substr', STRING), parameter('replace', STRING)],
    returns: STRING,
    call: ([text, part, by]) => stringValue(textOf(text).replaceAll(textOf(part), () => textOf(by))),
  },
  split: {
    parameters: [parameter('separator', STRING), STR],
    returns: listOf(STRING),
    call: ([separator, text]) =>
      listValue(STRING, splitText(textOf(text), textOf(separator)).map(stringValue)),
  },
  join: {
    parameters: [parameter('separator', STRING)],
    rest: parameter('lists', listOf(STRING)),
    returns: STRING,
    call: ([separator, ...lists]) => stringValue(joinable(lists).join(textOf(separator))),
  },
  substr: {
    parameters: [STR, parameter('offset', NUMBER), parameter('length', NUMBER)],
    returns: STRING,
    call: ([text, offset, length]) =>
      stringValue(substring(textOf(text), integerOf(offset, 1), integerOf(length, 2))),
  },
  indent: {
    parameters: [parameter('spaces', NUMBER), STR],
    returns: STRING,
    call: ([spaces, text]) =>
      stringValue(textOf(text).replaceAll('\n', `\n${' '.repeat(indentation(spaces))}`)),
  },
};

function indentation(spaces: Value | undefined): number {
  const count = integerOf(spaces, 0);
  if (count < 0 || count > 10_000)
    throw new FunctionError('the number of spaces must be between 0 and 10000', 0);
  return count;
}

function splitText(text: string, separator: string): string[] {
  return separator === '' ? [...text] : text.split(separator);
}

function joinable(lists: readonly Value[]): string[] {
  if (lists.length === 0) throw new FunctionError('at least one list is required');
  return lists.flatMap((list, index) =>
    (itemsOf(list) ?? []).map((item, at) => {
      if (item.data === null)
        throw new FunctionError(`element ${at} is null; a null value cannot be joined`, index + 1);
      return textOf(item);
    }),
  );
}
