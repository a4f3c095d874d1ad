import type { JsonNode } from '../packer-hcl/syntax/json-text.ts';
import type { Span } from '../packer-hcl/syntax/source-text.ts';

export type JsonData = string | number | boolean | null | JsonData[] | JsonObject;
export interface JsonObject {
  [name: string]: JsonData;
}

export const isObject = (value: JsonData | undefined): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** Where the properties of an object, and the object itself, were written. */
export class JsonPlaces {
  readonly #objects = new WeakMap<
    object,
    { readonly span: Span; readonly keys: ReadonlyMap<string, Span> }
  >();

  note(object: object, span: Span, keys: ReadonlyMap<string, Span>): void {
    this.#objects.set(object, { span, keys });
  }

  of(object: object): Span | undefined {
    return this.#objects.get(object)?.span;
  }

  ofKey(object: object, key: string): Span | undefined {
    return this.#objects.get(object)?.keys.get(key) ?? this.of(object);
  }
}

/** A parsed JSON text as plain data. Numbers are 64-bit floats, as in Go. */
export function toData(node: JsonNode, places: JsonPlaces): JsonData {
  switch (node.type) {
    case 'object': {
      const object: JsonObject = {};
      for (const { key, value } of node.members) define(object, key.value, toData(value, places));
      places.note(object, node.span, new Map(node.members.map(({ key }) => [key.value, key.span])));
      return object;
    }
    case 'array': {
      const items = node.items.map((item) => toData(item, places));
      places.note(items, node.span, new Map());
      return items;
    }
    case 'number':
      return Number(node.text);
    default:
      return node.value;
  }
}

/** Also for the name `__proto__`, which plain assignment treats as something else. */
export function define(object: JsonObject, name: string, value: JsonData): void {
  Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
}

/** JSON as Go writes it: two blanks a level, names in order, `&` and two line separators escaped, `<` and `>` not. */
export function formatGoJson(value: JsonData): string {
  return print(value, '').replace(/[&\u2028\u2029\u007f]/g, (sign) =>
    sign === '\u007f' ? sign : `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function print(value: JsonData, indent: string): string {
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[\n${value.map((item) => inner + print(item, inner)).join(',\n')}\n${indent}]`;
  }
  if (isObject(value)) {
    const names = Object.keys(value).toSorted(byBytes);
    if (names.length === 0) return '{}';
    const lines = names.map((name) => `${inner}${quote(name)}: ${print(value[name] ?? null, inner)}`);
    return `{\n${lines.join(',\n')}\n${indent}}`;
  }
  if (typeof value === 'string') return quote(value);
  return typeof value === 'number' ? goNumber(value) : String(value);
}

/** Go escapes \b and \f by their numbers only before 1.22; both are as common, the short form is today's. */
const quote = (text: string): string => JSON.stringify(text);

/** JavaScript and Go agree but for exponents of one digit: `1e-07` is `1e-7` in both. */
const goNumber = (value: number): string => String(value);

const byBytes = (left: string, right: string): number =>
  Buffer.compare(Buffer.from(left), Buffer.from(right));

/** A text where a number or truth will do as well; undefined for what has parts. */
export function weakText(value: JsonData | undefined): string | undefined {
  if (value === undefined || value === null) return '';
  if (typeof value === 'boolean') return value ? '1' : '0';
  return typeof value === 'object' ? undefined : String(value);
}

/** What Go calls the type of a value. */
export function goTypeOf(value: JsonData): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (isObject(value)) return 'map[string]interface {}';
  return goKindOf(value);
}

/** What Go calls the kind of a value. */
export function goKindOf(value: JsonData): string {
  if (value === null) return 'nil';
  if (Array.isArray(value)) return 'slice';
  if (typeof value === 'number') return 'float64';
  return typeof value === 'boolean' ? 'bool' : 'string';
}
