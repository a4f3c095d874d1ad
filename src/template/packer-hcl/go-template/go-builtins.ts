import { formatValues } from '../functions/format.ts';
import { FunctionError } from '../functions/function.ts';
import { urlEncode } from '../functions/base64.ts';
import { BigFloat } from '../values/big-float.ts';
import { boolValue, nullValue, numberValue, stringValue, type Value } from '../values/value.ts';
import { GoCallError, type GoFunction, type GoValue, isTrue, printGo } from './go-value.ts';

const fixed = (count: number, call: GoFunction['call']): GoFunction => ({ arity: [count, count], call });
const any = (least: number, call: GoFunction['call']): GoFunction => ({
  arity: [least, Number.POSITIVE_INFINITY],
  call,
});

function ordered(test: (order: number) => boolean): GoFunction {
  return fixed(2, ([a, b]) => {
    if (typeof a === 'number' && typeof b === 'number') return test(a - b);
    if (typeof a === 'string' && typeof b === 'string') return test(a < b ? -1 : a > b ? 1 : 0);
    throw new GoCallError('incompatible types for comparison');
  });
}

const same = (a: GoValue, b: GoValue): boolean => {
  if (a !== null && b !== null && typeof a !== typeof b)
    throw new GoCallError('incompatible types for comparison');
  return a === b;
};

function lengthOf(value: GoValue | undefined): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value !== null && typeof value === 'object') return Object.keys(value).length;
  throw new GoCallError(`len of ${typeof value}`);
}

function indexOf(value: GoValue, key: GoValue): GoValue {
  if (typeof value === 'string' && typeof key === 'number') {
    return Buffer.from(value)[key] ?? fail(`index out of range: ${key}`);
  }
  if (value === null || typeof value !== 'object') return fail(`can't index item of ${printGo(value)}`);
  const found = (value as { readonly [name: string]: GoValue })[String(key)];
  return found ?? (Array.isArray(value) ? fail(`index out of range: ${printGo(key)}`) : null);
}

function sliceOf(value: GoValue, bounds: readonly GoValue[]): GoValue {
  const [from = 0, to] = bounds.map(Number);
  const bytes = typeof value === 'string' ? Buffer.from(value) : undefined;
  const length =
    bytes?.length ?? (Array.isArray(value) ? value.length : fail(`can't slice item of ${printGo(value)}`));
  const end = to ?? length;
  if (!(from >= 0 && from <= end && end <= length))
    fail(`index out of range: ${bounds.map(printGo).join(', ')}`);
  return bytes?.subarray(from, end).toString('utf8') ?? (value as readonly GoValue[]).slice(from, end);
}

/** Go's `Sprint`: a blank between two operands when neither is a text. */
const printAll = (args: readonly GoValue[]): string =>
  args
    .map(
      (arg, at) =>
        (at > 0 && typeof arg !== 'string' && typeof args[at - 1] !== 'string' ? ' ' : '') + printGo(arg),
    )
    .join('');

function firstOrLast(args: readonly GoValue[], test: (value: GoValue) => boolean): GoValue {
  const index = args.findIndex(test);
  return args.at(index) ?? null;
}

function fail(message: string): never {
  throw new GoCallError(message);
}

function asValue(value: GoValue): Value {
  if (value === null) return nullValue();
  if (typeof value === 'number') return numberValue(BigFloat.float(value));
  return typeof value === 'boolean' ? boolValue(value) : stringValue(printGo(value));
}

function printf(format: string, args: readonly GoValue[]): string {
  try {
    return formatValues(format, args.map(asValue));
  } catch (error) {
    if (error instanceof FunctionError) throw new GoCallError(error.message);
    throw error;
  }
}

const HTML: Readonly<Record<string, string>> = {
  '<': '&lt;',
  '>': '&gt;',
  '&': '&amp;',
  '"': '&#34;',
  "'": '&#39;',
};
const SCRIPT: Readonly<Record<string, string>> = {
  "'": "\\'",
  '"': '\\"',
  '\\': '\\\\',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
  '\n': '\\u000A',
  '\r': '\\u000D',
};

/** The functions Go's template language has itself. */
export const GO_BUILTINS: Readonly<Record<string, GoFunction>> = {
  and: any(1, (args) => firstOrLast(args, (arg) => !isTrue(arg))),
  or: any(1, (args) => firstOrLast(args, isTrue)),
  not: fixed(1, ([value]) => !isTrue(value)),
  len: fixed(1, ([value]) => lengthOf(value)),
  index: any(1, ([value = null, ...keys]) => keys.reduce(indexOf, value)),
  slice: { arity: [1, 4], call: ([value = null, ...bounds]) => sliceOf(value, bounds) },
  print: any(0, printAll),
  println: any(0, (args) => `${args.map(printGo).join(' ')}\n`),
  printf: any(1, ([format = '', ...args]) => printf(printGo(format), args)),
  html: any(0, (args) => printAll(args).replace(/[<>&"']/g, (sign) => HTML[sign] ?? sign)),
  js: any(0, (args) => printAll(args).replace(/['"\\<>&=\n\r]/g, (sign) => SCRIPT[sign] ?? sign)),
  urlquery: any(0, (args) => urlEncode(printAll(args))),
  eq: any(2, ([first = null, ...others]) => others.some((other) => same(first, other))),
  ne: fixed(2, ([a = null, b = null]) => !same(a, b)),
  lt: ordered((order) => order < 0),
  le: ordered((order) => order <= 0),
  gt: ordered((order) => order > 0),
  ge: ordered((order) => order >= 0),
};
