import type { BigFloat } from './big-float.ts';
import { BOOL, DYNAMIC, NUMBER, STRING, type Type, listOf, mapOf, setOf } from './type.ts';

/** What stands behind a value that will be known only later. */
export const UNKNOWN: unique symbol = Symbol('unknown');

export type Data =
  null | typeof UNKNOWN | string | boolean | BigFloat | readonly Value[] | ReadonlyMap<string, Value>;

/**
 * An immutable value of the language. Lists, sets and tuples hold arrays (sets in their order, without doubles),
 * maps and objects hold maps in the order of their keys.
 */
export interface Value {
  readonly type: Type;
  readonly data: Data;
  /** The value or a part of it must not be shown. */
  readonly sensitive: boolean;
  /** Neither the value nor a part of it is unknown. */
  readonly whollyKnown: boolean;
}

function scalar(type: Type, data: Data): Value {
  return { type, data, sensitive: false, whollyKnown: data !== UNKNOWN };
}

export const TRUE: Value = scalar(BOOL, true);
export const FALSE: Value = scalar(BOOL, false);

/** A string, in Unicode normal form C as the language wants. */
export const stringValue = (text: string): Value => scalar(STRING, text.normalize('NFC'));
export const numberValue = (number: BigFloat): Value => scalar(NUMBER, number);
export const boolValue = (truth: boolean): Value => (truth ? TRUE : FALSE);
export const nullValue = (type: Type = DYNAMIC): Value => scalar(type, null);
export const unknownValue = (type: Type = DYNAMIC): Value => scalar(type, UNKNOWN);

function sequence(type: Type, items: readonly Value[]): Value {
  let sensitive = false;
  let whollyKnown = true;
  for (const item of items) {
    sensitive ||= item.sensitive;
    whollyKnown &&= item.whollyKnown;
  }
  return { type, data: items, sensitive, whollyKnown };
}

function mapping(type: Type, entries: ReadonlyMap<string, Value>): Value {
  let sensitive = false;
  let whollyKnown = true;
  for (const item of entries.values()) {
    sensitive ||= item.sensitive;
    whollyKnown &&= item.whollyKnown;
  }
  return { type, data: entries, sensitive, whollyKnown };
}

export const tupleValue = (items: readonly Value[]): Value =>
  sequence({ kind: 'tuple', elements: items.map((item) => item.type) }, items);

/** A list; its items must already be of the type. */
export const listValue = (element: Type, items: readonly Value[]): Value => sequence(listOf(element), items);

export const mapValue = (element: Type, entries: ReadonlyMap<string, Value>): Value =>
  mapping(mapOf(element), sortedEntries(entries));

export function objectValue(entries: ReadonlyMap<string, Value> | Readonly<Record<string, Value>>): Value {
  const sorted = sortedEntries(entries instanceof Map ? entries : new Map(Object.entries(entries)));
  const attributes = new Map([...sorted].map(([name, value]) => [name, value.type]));
  return mapping({ kind: 'object', attributes }, sorted);
}

/** A set: doubles go, strings and numbers and bools are put in order, other items keep theirs. */
export function setValue(element: Type, items: readonly Value[]): Value {
  const unique = new Map<string, Value>();
  for (const item of items) unique.set(identityOf(item), unique.get(identityOf(item)) ?? item);
  const kept = [...unique.values()];
  if (kept.every((item) => typeof item.data === 'string'))
    kept.sort((a, b) => compareText(String(a.data), String(b.data)));
  else if (kept.every(isNumber)) kept.sort((a, b) => a.data.compare(b.data));
  else if (kept.every((item) => typeof item.data === 'boolean'))
    kept.sort((a, b) => Number(a.data) - Number(b.data));
  return sequence(setOf(element), kept);
}

function sortedEntries(entries: ReadonlyMap<string, Value>): ReadonlyMap<string, Value> {
  const keys = [...entries.keys()];
  if (keys.every((key, index) => index === 0 || compareText(keys[index - 1]!, key) < 0)) return entries;
  return new Map([...entries].toSorted((a, b) => compareText(a[0], b[0])));
}

/** Marks a value, and so all that is made from it, as one that must not be shown. */
export function markSensitive(value: Value, sensitive = true): Value {
  return sensitive && !value.sensitive ? { ...value, sensitive: true } : value;
}

export const isKnown = (value: Value): boolean => value.data !== UNKNOWN;
export const isNull = (value: Value): boolean => value.data === null;

export function isNumber(value: Value): value is Value & { readonly data: BigFloat } {
  return value.type.kind === 'number' && value.data !== null && value.data !== UNKNOWN;
}

/** The items of a known list, set or tuple; undefined for anything else. */
export function itemsOf(value: Value): readonly Value[] | undefined {
  return Array.isArray(value.data) ? (value.data as readonly Value[]) : undefined;
}

/** The entries of a known map or object; undefined for anything else. */
export function entriesOf(value: Value): ReadonlyMap<string, Value> | undefined {
  return value.data instanceof Map ? (value.data as ReadonlyMap<string, Value>) : undefined;
}

/** Order of strings by code point, as Go sorts their UTF-8 bytes; UTF-16 order differs for rare characters. */
export function compareText(left: string, right: string): number {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at += 1) {
    const a = left.charCodeAt(at);
    const b = right.charCodeAt(at);
    if (a !== b)
      return isSurrogate(a) === isSurrogate(b)
        ? a - b
        : isSurrogate(a)
          ? b >= 0xe000
            ? 1
            : a - b
          : a >= 0xe000
            ? -1
            : a - b;
  }
  return left.length - right.length;
}

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;

/** A text that two values share exactly when they are equal and of one type. */
export function identityOf(value: Value): string {
  const { data } = value;
  if (data === null) return 'null';
  if (data === UNKNOWN) return 'unknown';
  if (typeof data === 'string') return JSON.stringify(data);
  if (typeof data === 'boolean') return String(data);
  const items = itemsOf(value);
  if (items !== undefined) return `${value.type.kind}[${items.map(identityOf).join(',')}]`;
  const entries = entriesOf(value);
  if (entries !== undefined) {
    return `${value.type.kind}{${[...entries].map(([key, item]) => `${JSON.stringify(key)}:${identityOf(item)}`).join(',')}}`;
  }
  const number = data as BigFloat;
  return number.infinite !== 0 ? `inf${number.infinite}` : `${number.mantissa}p${number.exponent}`;
}
