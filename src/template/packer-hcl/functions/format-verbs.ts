import type { BigFloat } from '../values/big-float.ts';
import { pow10 } from '../values/rounding.ts';
import { quoteText } from '../values/print.ts';

/** One `%` sequence of a format string. */
export interface Verb {
  readonly letter: string;
  readonly text: string;
  readonly offset: number;
  readonly plus: boolean;
  readonly minus: boolean;
  readonly sharp: boolean;
  readonly blank: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
  /** Which argument, from 1; undefined for the one after the last used. */
  readonly argument: number | undefined;
}

/** An integer in the base of the verb. */
export function formatInteger(verb: Verb, value: bigint): string {
  const bases: Readonly<Record<string, number>> = { b: 2, o: 8, d: 10, x: 16, X: 16 };
  const magnitude = value < 0n ? -value : value;
  let digits = magnitude.toString(bases[verb.letter] ?? 10);
  if (verb.letter === 'X') digits = digits.toUpperCase();
  if (verb.precision !== undefined) digits = digits.padStart(verb.precision, '0');
  if (verb.sharp && (verb.letter === 'x' || verb.letter === 'X')) digits = `0${verb.letter}${digits}`;
  return pad(verb, sign(verb, value < 0n), digits);
}

/** A number with a point: `%f`, `%e`, `%g`. */
export function formatFloat(verb: Verb, value: BigFloat): string {
  if (value.infinite !== 0) return pad({ ...verb, zero: false }, value.infinite < 0 ? '-' : '+', 'Inf');
  const magnitude = value.sign < 0 ? value.negate() : value;
  const lower = verb.letter.toLowerCase();
  let digits: string;
  if (lower === 'f') digits = fixed(magnitude, verb.precision ?? 6);
  else if (lower === 'e') digits = goExponent(magnitude.toNumber().toExponential(verb.precision ?? 6));
  else digits = general(magnitude, verb.precision);
  return pad(verb, sign(verb, value.sign < 0), verb.letter === lower ? digits : digits.toUpperCase());
}

/** Decimal digits after the point, rounded half to even. */
function fixed(value: BigFloat, places: number): string {
  const shifted = value.mantissa * pow10(places);
  let scaled = value.exponent >= 0 ? shifted << BigInt(value.exponent) : shifted;
  if (value.exponent < 0) {
    const shift = BigInt(-value.exponent);
    const rest = scaled & ((1n << shift) - 1n);
    const half = 1n << (shift - 1n);
    scaled >>= shift;
    if (rest > half || (rest === half && (scaled & 1n) === 1n)) scaled += 1n;
  }
  const digits = scaled.toString().padStart(places + 1, '0');
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`;
}

/** Go writes at least two digits of the exponent. */
function goExponent(text: string): string {
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

function general(value: BigFloat, precision: number | undefined): string {
  if (precision === undefined) return shortestGeneral(value);
  const places = Math.max(1, precision);
  const [digits = '0', power = '0'] = value
    .toNumber()
    .toExponential(places - 1)
    .split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= places) return goExponent(`${withoutZeros(digits)}e${power}`);
  return withoutZeros(fixed(value, Math.max(0, places - 1 - exponent)));
}

/** All digits there are; an exponent below -4 or from seven digits before the point on. */
function shortestGeneral(value: BigFloat): string {
  const text = value.toString();
  const [whole = '', rest = ''] = text.split('.');
  const significant = (whole + rest).replace(/^0+/, '').replace(/0+$/, '');
  const leadingZeros = /^0*/.exec(rest)?.[0].length ?? 0;
  const exponent = whole === '0' ? -leadingZeros - 1 : whole.length - 1;
  if (significant === '' || (exponent >= -4 && exponent < 6)) return text;
  const sign = exponent < 0 ? '-' : '+';
  return goExponent(
    `${withoutZeros(`${significant[0] ?? ''}.${significant.slice(1)}`)}e${sign}${Math.abs(exponent)}`,
  );
}

const withoutZeros = (text: string): string => (text.includes('.') ? text.replace(/\.?0*$/, '') : text);

function sign(verb: Verb, negative: boolean): string {
  return negative ? '-' : verb.plus ? '+' : verb.blank ? ' ' : '';
}

function pad(verb: Verb, prefix: string, digits: string): string {
  const width = verb.width ?? 0;
  if (verb.zero && !verb.minus) return prefix + digits.padStart(width - prefix.length, '0');
  const text = prefix + digits;
  return verb.minus ? text.padEnd(width) : text.padStart(width);
}

/** Text in the width and precision of the verb, counted in characters. */
export function formatText(verb: Verb, text: string): string {
  const cut = verb.precision === undefined ? text : [...text].slice(0, verb.precision).join('');
  const shown = verb.letter === 'q' ? quoteText(cut) : cut;
  const missing = ' '.repeat(Math.max(0, (verb.width ?? 0) - [...shown].length));
  return verb.minus ? shown + missing : missing + shown;
}
