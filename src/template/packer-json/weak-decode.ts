import type { OptionShape, OptionShapes } from '../packer-kinds/shape.ts';
import type { Type } from '../packer-hcl/values/type.ts';
import { type JsonData, type JsonObject, goTypeOf, isObject } from './json-value.ts';

export interface WeaklyDecoded {
  readonly options: Readonly<Record<string, unknown>>;
  /** In Packer's words. */
  readonly errors: readonly string[];
  readonly unknown: readonly string[];
}

/** Options of a JSON template by their shapes. Types bend as in Packer: "8" is a number, "a,b" a list, 1 is true. */
export function weakDecode(config: JsonObject, shapes: OptionShapes): WeaklyDecoded {
  const options: Record<string, unknown> = {};
  const errors: string[] = [];
  const unknown: string[] = [];
  for (const [name, value] of Object.entries(config)) {
    const shape = shapes.get(name) ?? shapes.get(name.toLowerCase());
    if (shape === undefined) unknown.push(name);
    else if (value !== null) options[name.toLowerCase()] = decode(value, shape, name, errors);
  }
  return { options, errors, unknown: unknown.toSorted() };
}

function decode(value: JsonData, shape: OptionShape, name: string, errors: string[]): unknown {
  if (shape.kind === 'value') return decodeValue(value, shape.type, name, errors);
  const objects = (Array.isArray(value) ? value : [value]).filter(isObject);
  const inner = weakDecode(Object.assign({}, ...objects) as JsonObject, shape.options);
  errors.push(
    ...inner.errors,
    ...inner.unknown.map((key) => `unknown configuration key: '"${name}.${key}"'`),
  );
  return inner.options;
}

function decodeValue(value: JsonData, type: Type, name: string, errors: string[]): unknown {
  const wrong = (wanted: string): undefined => {
    errors.push(`'${name}' expected type '${wanted}', got unconvertible type '${goTypeOf(value)}'`);
    return undefined;
  };
  switch (type.kind) {
    case 'string':
      if (Array.isArray(value) && value.length === 0) return '';
      if (typeof value === 'boolean') return value ? '1' : '0';
      return value !== null && typeof value === 'object' ? wrong('string') : String(value ?? '');
    case 'number':
      return (
        toNumber(value) ?? (typeof value === 'string' ? badParse(name, 'int', value, errors) : wrong('int'))
      );
    case 'bool':
      return (
        toBool(value) ?? (typeof value === 'string' ? badParse(name, 'bool', value, errors) : wrong('bool'))
      );
    case 'list':
    case 'set':
      return toList(value, type.element).map((item) => decodeValue(item, type.element, name, errors));
    case 'map': {
      if (Array.isArray(value)) return Object.assign({}, ...value.filter(isObject)) as JsonObject;
      if (!isObject(value)) return wrong('map[string]string');
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, decodeValue(item, type.element, name, errors)]),
      );
    }
    default:
      return value;
  }
}

function badParse(name: string, type: string, text: string, errors: string[]): undefined {
  errors.push(
    `cannot parse '${name}' as ${type}: strconv.Parse${type === 'int' ? 'Int' : 'Bool'}: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
  return undefined;
}

function toNumber(value: JsonData): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (value === '') return 0;
  return typeof value === 'string' && /^[+-]?\d+$/.test(value) ? Number(value) : undefined;
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False', '']);

function toBool(value: JsonData): boolean | undefined {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value !== 'string') return undefined;
  return TRUE.has(value) ? true : FALSE.has(value) ? false : undefined;
}

function toList(value: JsonData, element: Type): readonly JsonData[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'string') return [value];
  if (value === '') return [];
  return element.kind === 'string' ? value.split(',') : [value];
}
