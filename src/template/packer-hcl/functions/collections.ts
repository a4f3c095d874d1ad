import { ConversionError, convertValue } from '../values/convert.ts';
import { equalValues } from '../values/equal.ts';
import { BigFloat } from '../values/big-float.ts';
import { BOOL, DYNAMIC, NUMBER, STRING, type Type, listOf, mapOf, sameType } from '../values/type.ts';
import { unifyTypes } from '../values/unify.ts';
import {
  type Value,
  boolValue,
  compareText,
  entriesOf,
  itemsOf,
  listValue,
  mapValue,
  nullValue,
  numberValue,
  objectValue,
  stringValue,
  tupleValue,
} from '../values/value.ts';
import {
  type FunctionDefinition,
  FunctionError,
  integerOf,
  numberOf,
  parameter,
  textOf,
} from './function.ts';
import { graphemes } from './strings.ts';

/** The items of an argument that must be a list, set or tuple. */
export function sequenceOf(value: Value | undefined, argument: number): readonly Value[] {
  const items = value === undefined ? undefined : itemsOf(value);
  if (items === undefined) throw new FunctionError('a list, set or tuple is required', argument);
  return items;
}

function mappingOf(value: Value | undefined, argument: number): ReadonlyMap<string, Value> {
  const entries = value === undefined ? undefined : entriesOf(value);
  if (entries === undefined) throw new FunctionError('a map or object is required', argument);
  return entries;
}

/** A list when all items have one type already, else a tuple. */
function listOrTuple(items: readonly Value[], wasList: boolean): Value {
  const first = items[0];
  if (first !== undefined && wasList && items.every((item) => sameType(item.type, first.type)))
    return listValue(first.type, items);
  return tupleValue(items);
}

/** As `source`: a list stays a list also when it is empty. */
function like(source: Value, items: readonly Value[]): Value {
  return source.type.kind === 'list' || source.type.kind === 'set'
    ? listValue(source.type.element, items)
    : tupleValue(items);
}

function length(value: Value | undefined): Value {
  const data = value?.data;
  if (typeof data === 'string') return numberValue(BigFloat.integer(graphemes(data).length));
  const size = value === undefined ? undefined : (itemsOf(value)?.length ?? entriesOf(value)?.size);
  if (size === undefined)
    throw new FunctionError('argument must be a string, a collection type, or a structural type', 0);
  return numberValue(BigFloat.integer(size));
}

function lookup(map: Value | undefined, key: string, fallback: Value | undefined): Value {
  const entries = mappingOf(map, 0);
  const found = entries.get(key) ?? fallback ?? nullValue();
  return map?.type.kind === 'map' ? convertValue(found, map.type.element) : found;
}

function merge(maps: readonly Value[]): Value {
  const given = maps.filter((map) => map.data !== null);
  const merged = new Map<string, Value>();
  for (const map of given)
    for (const [key, value] of mappingOf(map, maps.indexOf(map))) merged.set(key, value);
  const type = unifyTypes(given.map((map) => map.type));
  if (given.length > 0 && type?.kind === 'map' && given.every((map) => map.type.kind === 'map')) {
    return convertValue(objectValue(merged), type);
  }
  return objectValue(merged);
}

function flatten(items: readonly Value[]): Value[] {
  return items.flatMap((item) => {
    const inner = itemsOf(item);
    return inner === undefined ? [item] : flatten(inner);
  });
}

function element(list: Value | undefined, index: number): Value {
  const items = sequenceOf(list, 0);
  if (items.length === 0) throw new FunctionError('cannot use element function with an empty list', 0);
  return items[((index % items.length) + items.length) % items.length]!;
}

function coalesce(values: readonly Value[]): Value {
  const type = unifyTypes(values.map((value) => value.type));
  if (values.length === 0 || type === undefined)
    throw new FunctionError('all arguments must have the same type, and there must be at least one');
  for (const value of values) {
    const converted = convertValue(value, type);
    if (converted.data !== null && converted.data !== '') return converted;
  }
  throw new FunctionError('no non-null, non-empty-string arguments');
}

function range(numbers: readonly Value[]): Value {
  const [a, b, step] = numbers.map(numberOf);
  if (a === undefined || numbers.length > 3)
    throw new FunctionError('must have one, two, or three arguments');
  const zero = BigFloat.integer(0);
  const [start, end] = b === undefined ? [zero, a] : [a, b];
  const down = end.compare(start) < 0;
  const by = step ?? BigFloat.integer(down ? -1 : 1);
  if (by.sign === 0) throw new FunctionError('step must not be zero', 2);
  if (step !== undefined && end.compare(start) !== 0 && down !== by.sign < 0) {
    throw new FunctionError(
      down
        ? 'end must be greater than start when step is positive'
        : 'end must be less than start when step is negative',
      1,
    );
  }
  const items: Value[] = [];
  for (let at = start; down ? at.compare(end) > 0 : at.compare(end) < 0; at = at.add(by)) {
    items.push(numberValue(at));
    if (items.length > 1024)
      throw new FunctionError(
        'more than 1024 values were generated; either decrease the difference between start and end or use a smaller step',
      );
  }
  return listValue(NUMBER, items);
}

function distinct(list: Value): Value {
  const kept: Value[] = [];
  const seen = new Map<string, Value[]>();
  for (const item of sequenceOf(list, 0)) {
    const key = typeof item.data === 'string' ? item.data : item.type.kind;
    const bucket = seen.get(key) ?? [];
    if (bucket.some((other) => equalValues(other, item) === true)) continue;
    bucket.push(item);
    seen.set(key, bucket);
    kept.push(item);
  }
  return like(list, kept);
}

function allOf(list: Value | undefined, wanted: boolean): Value {
  const items = sequenceOf(list, 0).map((item) =>
    item.data === null ? nullValue(BOOL) : convertValue(item, BOOL),
  );
  if (wanted) return boolValue(items.every((item) => item.data === true));
  return boolValue(items.some((item) => item.data === true));
}

function zipmap(keys: Value | undefined, values: Value | undefined): Value {
  const names = sequenceOf(keys, 0);
  const items = sequenceOf(values, 1);
  if (names.length !== items.length) {
    throw new FunctionError(
      `number of keys (${names.length}) does not match number of values (${items.length})`,
    );
  }
  const entries = new Map(names.map((name, index) => [textOf(name), items[index]!]));
  return values?.type.kind === 'list' ? mapValue(values.type.element, entries) : objectValue(entries);
}

function slice(list: Value, start: number, end: number): Value {
  const items = sequenceOf(list, 0);
  if (start < 0 || start > items.length)
    throw new FunctionError(
      'start index must not be less than zero or greater than the length of the list',
      1,
    );
  if (end < 0 || end > items.length)
    throw new FunctionError('end index must not be less than zero or greater than the length of the list', 2);
  if (start > end) throw new FunctionError('start index must not be greater than end index', 1);
  if (list.type.kind === 'set')
    throw new FunctionError('cannot slice a set, because its elements do not have indices', 0);
  return like(list, items.slice(start, end));
}

function chunk(list: Value, size: number): Value {
  const items = sequenceOf(list, 0);
  if (size < 0) throw new FunctionError('the size argument must be positive', 1);
  const chunks: Value[] = [];
  const step = size === 0 ? Math.max(1, items.length) : size;
  for (let at = 0; at < items.length; at += step) chunks.push(like(list, items.slice(at, at + step)));
  return listOrTuple(chunks, list.type.kind !== 'tuple');
}

function concat(lists: readonly Value[]): Value {
  if (lists.length === 0) throw new FunctionError('at least one argument is required');
  const items = lists.flatMap((list, index) => [...sequenceOf(list, index)]);
  if (items.length > 10_000_000) throw new FunctionError('the result has too many elements');
  const type = lists.every((list) => list.type.kind === 'list')
    ? unifyTypes(lists.map((list) => list.type))
    : undefined;
  return type === undefined ? tupleValue(items) : convertValue(tupleValue(items), type);
}

/** The items of a tuple in one type, as functions over "list of any" see them. */
function uniformed(value: Value | undefined, argument: number): Value {
  if (value === undefined) throw new FunctionError('a list is required', argument);
  try {
    return convertValue(value, listOf(DYNAMIC));
  } catch (error) {
    if (error instanceof ConversionError) throw new FunctionError(error.message, argument);
    throw error;
  }
}

const LIST = parameter('list');
const MAP = parameter('inputMap');
const on = (
  parameters: FunctionDefinition['parameters'],
  returns: Type,
  call: FunctionDefinition['call'],
): FunctionDefinition => ({
  parameters,
  returns,
  call,
});

export const COLLECTION_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  alltrue: on([LIST], BOOL, ([list]) => allOf(list, true)),
  anytrue: on([LIST], BOOL, ([list]) => allOf(list, false)),
  chunklist: on([LIST, parameter('size', NUMBER)], DYNAMIC, ([list, size]) =>
    chunk(uniformed(list, 0), integerOf(size, 1)),
  ),
  coalesce: {
    parameters: [],
    rest: parameter('vals', DYNAMIC, { allowNull: true }),
    returns: DYNAMIC,
    call: coalesce,
  },
  coalescelist: {
    parameters: [],
    rest: parameter('vals', DYNAMIC, { allowNull: true }),
    returns: DYNAMIC,
    call: (lists) => {
      const found = lists.find((list, index) => list.data !== null && sequenceOf(list, index).length > 0);
      if (found === undefined) throw new FunctionError('no non-null, non-empty list arguments');
      return found;
    },
  },
  compact: on([parameter('list', listOf(STRING))], listOf(STRING), ([list]) =>
    listValue(
      STRING,
      sequenceOf(list, 0).filter((item) => item.data !== null && item.data !== ''),
    ),
  ),
  concat: { parameters: [], rest: parameter('seqs'), returns: DYNAMIC, call: concat },
  contains: on([LIST, parameter('value', DYNAMIC, { allowNull: true })], BOOL, ([list, value]) =>
    boolValue(sequenceOf(list, 0).some((item) => value !== undefined && equalValues(item, value) === true)),
  ),
  distinct: on([LIST], DYNAMIC, ([list]) => distinct(uniformed(list, 0))),
  element: on([LIST, parameter('index', NUMBER)], DYNAMIC, ([list, index]) =>
    element(list, integerOf(index, 1)),
  ),
  flatten: on([LIST], DYNAMIC, ([list]) => tupleValue(flatten(sequenceOf(list, 0)))),
  index: on([LIST, parameter('value')], NUMBER, ([list, value]) => {
    const items = sequenceOf(list, 0);
    if (items.length === 0) throw new FunctionError('cannot search an empty list', 0);
    const at = items.findIndex((item) => value !== undefined && equalValues(item, value) === true);
    if (at === -1) throw new FunctionError('item not found');
    return numberValue(BigFloat.integer(at));
  }),
  keys: on([MAP], DYNAMIC, ([map]) => {
    const keys = [...mappingOf(map, 0).keys()].map(stringValue);
    return map?.type.kind === 'map' ? listValue(STRING, keys) : tupleValue(keys);
  }),
  length: on([parameter('value')], NUMBER, ([value]) => length(value)),
  lookup: on(
    [MAP, parameter('key', STRING), parameter('default', DYNAMIC, { allowNull: true })],
    DYNAMIC,
    ([map, key, fallback]) => lookup(map, textOf(key), fallback),
  ),
  merge: {
    parameters: [],
    rest: parameter('maps', DYNAMIC, { allowNull: true }),
    returns: DYNAMIC,
    call: merge,
  },
  range: { parameters: [], rest: parameter('params', NUMBER), returns: listOf(NUMBER), call: range },
  reverse: on([LIST], DYNAMIC, ([list]) => like(list!, sequenceOf(list, 0).toReversed())),
  slice: on(
    [LIST, parameter('start_index', NUMBER), parameter('end_index', NUMBER)],
    DYNAMIC,
    ([list, start, end]) => slice(list!, integerOf(start, 1), integerOf(end, 2)),
  ),
  sort: on([parameter('list', listOf(STRING))], listOf(STRING), ([list]) => {
    const items = sequenceOf(list, 0);
    if (items.some((item) => item.data === null)) throw new FunctionError('a null value cannot be sorted', 0);
    return listValue(
      STRING,
      items.toSorted((a, b) => compareText(textOf(a), textOf(b))),
    );
  }),
  values: on([MAP], DYNAMIC, ([map]) => {
    const values = [...mappingOf(map, 0).values()];
    return map?.type.kind === 'map' ? listValue(map.type.element, values) : tupleValue(values);
  }),
  zipmap: on([parameter('keys', listOf(STRING)), parameter('values')], mapOf(DYNAMIC), ([keys, values]) =>
    zipmap(keys, values),
  ),
};
