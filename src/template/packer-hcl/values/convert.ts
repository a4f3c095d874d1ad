import { ArithmeticError, BigFloat } from './big-float.ts';
import { type ObjectType, type Type, describeType, hasDynamic, sameType } from './type.ts';
import { unifyTypes } from './unify.ts';
import {
  FALSE,
  TRUE,
  UNKNOWN,
  type Value,
  entriesOf,
  isNumber,
  itemsOf,
  listValue,
  mapValue,
  markSensitive,
  nullValue,
  numberValue,
  objectValue,
  setValue,
  stringValue,
  tupleValue,
  unknownValue,
} from './value.ts';

/** Thrown when a value has no form of the type. The message is a clause such as `a number is required`. */
export class ConversionError extends Error {
  override readonly name = 'ConversionError';
}

/**
 * The value in the type asked for: strings, numbers and bools into each other where the text allows, tuples to
 * lists and sets, objects to maps, objects to objects with their optional attributes filled in.
 * Throws `ConversionError`.
 */
export function convertValue(value: Value, type: Type): Value {
  if (type.kind === 'dynamic') return value;
  if (sameType(value.type, type) && !hasOptional(type)) return value;
  if (value.data === UNKNOWN) return markSensitive(unknownValue(type), value.sensitive);
  if (value.data === null) return markSensitive(nullValue(type), value.sensitive);
  return markSensitive(convertKnown(value, type), value.sensitive);
}

/** The value in the type, or undefined when it has no such form. */
export function tryConvert(value: Value, type: Type): Value | undefined {
  try {
    return convertValue(value, type);
  } catch (error) {
    if (error instanceof ConversionError) return undefined;
    throw error;
  }
}

function hasOptional(type: Type): boolean {
  switch (type.kind) {
    case 'list':
    case 'set':
    case 'map':
      return hasOptional(type.element);
    case 'tuple':
      return type.elements.some(hasOptional);
    case 'object':
      return type.optional !== undefined || [...type.attributes.values()].some(hasOptional);
    default:
      return false;
  }
}

function convertKnown(value: Value, type: Type): Value {
  switch (type.kind) {
    case 'string':
      return toText(value);
    case 'number':
      return toNumber(value);
    case 'bool':
      return toBool(value);
    case 'list':
    case 'set':
      return toSequence(value, type.kind, type.element);
    case 'map':
      return toMap(value, type.element);
    case 'tuple':
      return toTuple(value, type.elements);
    case 'object':
      return toObject(value, type);
    case 'dynamic':
      return value;
  }
}

function toText(value: Value): Value {
  if (typeof value.data === 'string') return value;
  if (typeof value.data === 'boolean' || isNumber(value)) return stringValue(String(value.data));
  throw new ConversionError('a string is required');
}

function toNumber(value: Value): Value {
  if (isNumber(value)) return value;
  if (typeof value.data !== 'string') throw new ConversionError('a number is required');
  try {
    const parsed = BigFloat.parse(value.data);
    if (parsed !== undefined) return numberValue(parsed);
  } catch (error) {
    if (!(error instanceof ArithmeticError)) throw error;
  }
  throw new ConversionError('a number is required');
}

function toBool(value: Value): Value {
  if (typeof value.data === 'boolean') return value;
  if (value.data === 'true' || value.data === '1') return TRUE;
  if (value.data === 'false' || value.data === '0') return FALSE;
  const word = typeof value.data === 'string' ? value.data.toLowerCase() : '';
  const hint = word === 'true' || word === 'false' ? `; to convert from string, use lowercase "${word}"` : '';
  throw new ConversionError(`a bool is required${hint}`);
}

function toSequence(value: Value, kind: 'list' | 'set', element: Type): Value {
  const items = itemsOf(value);
  if (items === undefined) throw new ConversionError(`${describeType({ kind, element })} required`);
  const target = elementType(
    items.map((item) => item.type),
    element,
    kind,
  );
  const converted = items.map((item, index) =>
    at(kind === 'set' ? 'item' : `element ${index}`, () => convertValue(item, target)),
  );
  return kind === 'list' ? listValue(target, converted) : setValue(target, converted);
}

function toMap(value: Value, element: Type): Value {
  const entries = entriesOf(value);
  if (entries === undefined) throw new ConversionError(`${describeType({ kind: 'map', element })} required`);
  const target = elementType(
    [...entries.values()].map((item) => item.type),
    element,
    'map',
  );
  const converted = [...entries].map(
    ([key, item]) => [key, at(`element ${JSON.stringify(key)}`, () => convertValue(item, target))] as const,
  );
  return mapValue(target, new Map(converted));
}

/** `any` inside a collection is the one type of all items. */
function elementType(types: readonly Type[], wanted: Type, kind: string): Type {
  if (!hasDynamic(wanted) || types.length === 0) return wanted;
  if (wanted.kind !== 'dynamic') return wanted;
  const unified = unifyTypes(types);
  if (unified === undefined) throw new ConversionError(`all ${kind} elements must have the same type`);
  return unified;
}

function toTuple(value: Value, elements: readonly Type[]): Value {
  const items = itemsOf(value);
  if (items === undefined || value.type.kind === 'set') throw new ConversionError('a tuple is required');
  if (items.length !== elements.length) {
    throw new ConversionError(`a tuple of ${elements.length} elements is required, not of ${items.length}`);
  }
  return tupleValue(
    items.map((item, index) => at(`element ${index}`, () => convertValue(item, elements[index]!))),
  );
}

function toObject(value: Value, type: ObjectType): Value {
  const entries = entriesOf(value);
  if (entries === undefined) throw new ConversionError('an object is required');
  const converted = new Map<string, Value>();
  for (const [name, wanted] of type.attributes) {
    const given = entries.get(name);
    const fallback =
      type.optional?.has(name) === true ? (type.optional.get(name) ?? nullValue(wanted)) : undefined;
    const used = given === undefined || (given.data === null && fallback !== undefined) ? fallback : given;
    if (used === undefined) throw new ConversionError(`attribute ${JSON.stringify(name)} is required`);
    converted.set(
      name,
      at(`attribute ${JSON.stringify(name)}`, () => convertValue(used, wanted)),
    );
  }
  return objectValue(converted);
}

function at<T>(place: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (error instanceof ConversionError) throw new ConversionError(`${place}: ${error.message}`);
    throw error;
  }
}
