import type { BigFloat } from './big-float.ts';
import { type Value, entriesOf, isNull, itemsOf } from './value.ts';

/**
 * The text `packer console` shows for a value: a string bare at the top and quoted inside, numbers as 64-bit
 * floats where they are no 64-bit integers, entries sorted, null entries of maps left out.
 */
export function printValue(value: Value): string {
  if (typeof value.data === 'string') return value.data;
  if (!value.whollyKnown) return '<unknown>';
  return printNested(value, '');
}

function printNested(value: Value, indent: string): string {
  const { data } = value;
  if (data === null) return 'null';
  if (typeof data === 'string') return quoteText(data);
  if (typeof data === 'boolean') return String(data);
  const inner = `${indent}  `;
  const items = itemsOf(value);
  if (items !== undefined) {
    if (items.length === 0) return '[]';
    return `[\n${items.map((item) => `${inner}${printNested(item, inner)},\n`).join('')}${indent}]`;
  }
  const entries = entriesOf(value);
  if (entries !== undefined) {
    const shown = [...entries].filter(([, item]) => !isNull(item));
    if (shown.length === 0) return '{}';
    const lines = shown.map(([key, item]) => `${inner}${quoteText(key)} = ${printNested(item, inner)}\n`);
    return `{\n${lines.join('')}${indent}}`;
  }
  return printNumber(data as BigFloat);
}

const MAX_INT64 = 2n ** 63n;

/** A number as Go prints an int64, or else the shortest digits of a float64 (`%g`). */
function printNumber(number: BigFloat): string {
  if (number.isInteger() && number.exponent <= 64) {
    const whole = number.truncate();
    if (whole >= -MAX_INT64 && whole < MAX_INT64) return whole.toString();
  }
  return printFloat(number.toNumber());
}

/** Go's `%g` with the shortest digits: an exponent below -4 or from seven digits on. */
function printFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  const [digits = '0', power = '0'] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent >= -4 && exponent < 6) return String(value);
  return `${digits}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};
const NOT_PRINTABLE = /["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu;

/** A string in quotes with Go's escapes (`%q`). */
export function quoteText(text: string): string {
  return `"${text.replace(NOT_PRINTABLE, escapeCharacter)}"`;
}

function escapeCharacter(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code > 0xffff
    ? `\\U${code.toString(16).padStart(8, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`;
}
