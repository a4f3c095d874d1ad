import { ConversionError, convertValue } from '../values/convert.ts';
import { DYNAMIC, listOf, setOf } from '../values/type.ts';
import { unifyTypes } from '../values/unify.ts';
import { type Value, identityOf, itemsOf, listValue, setValue, tupleValue } from '../values/value.ts';
import { sequenceOf } from './collections.ts';
import { type FunctionDefinition, FunctionError, parameter } from './function.ts';

const SETS = parameter('sets');

/** All arguments as sets of one element type. */
function alike(sets: readonly Value[]): {
  readonly sets: readonly (readonly Value[])[];
  readonly make: (items: readonly Value[]) => Value;
} {
  const converted = sets.map((set, index) => {
    try {
      return convertValue(set, setOf(DYNAMIC));
    } catch (error) {
      if (error instanceof ConversionError) throw new FunctionError(error.message, index);
      throw error;
    }
  });
  const element = unifyTypes(converted.flatMap((set) => (itemsOf(set)?.length ? elementsOf(set) : [])));
  if (sets.length === 0 || element === undefined)
    throw new FunctionError('all sets must have the same element type, and there must be at least one');
  const items = converted.map((set) => sequenceOf(convertValue(set, setOf(element)), 0));
  return { sets: items, make: (kept) => setValue(element, kept) };
}

const elementsOf = ({ type }: Value) => (type.kind === 'set' ? [type.element] : []);

function product(sets: readonly Value[]): Value {
  if (sets.length < 2) throw new FunctionError('at least two arguments are required');
  const lists = sets.map((set, index) => sequenceOf(set, index));
  const total = lists.reduce((count, items) => count * items.length, 1);
  if (total > 1_000_000) throw new FunctionError('the result has too many elements');
  let rows: Value[][] = [[]];
  for (const items of lists) rows = rows.flatMap((row) => items.map((item) => [...row, item]));
  if (lists.some((items) => items.length === 0)) rows = [];
  const tuples = rows.map((row) => tupleValue(row));
  if (sets.every((set) => set.type.kind === 'set')) return convertValue(tupleValue(tuples), setOf(DYNAMIC));
  return uniformRows(tuples);
}

/** Each column in one type: `["a", 2]` gives strings, as a list of tuples must. */
function uniformRows(tuples: readonly Value[]): Value {
  const type = unifyTypes(tuples.map((row) => row.type));
  if (type === undefined || tuples.length === 0) return tupleValue(tuples);
  return listValue(
    type,
    tuples.map((row) => convertValue(row, type)),
  );
}

export const SET_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  setintersection: {
    parameters: [],
    rest: SETS,
    returns: setOf(DYNAMIC),
    call: (args) => {
      const { sets, make } = alike(args);
      const others = sets.slice(1).map((items) => new Set(items.map(identityOf)));
      return make((sets[0] ?? []).filter((item) => others.every((other) => other.has(identityOf(item)))));
    },
  },
  setunion: {
    parameters: [],
    rest: SETS,
    returns: setOf(DYNAMIC),
    call: (args) => {
      const { sets, make } = alike(args);
      return make(sets.flat());
    },
  },
  setproduct: { parameters: [], rest: SETS, returns: listOf(DYNAMIC), call: product },
};
