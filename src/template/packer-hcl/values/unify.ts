import { DYNAMIC, STRING, type Type, isPrimitive, listOf, mapOf, sameType, setOf } from './type.ts';

/**
 * The one type that all of the types convert to without loss, or undefined. Numbers and bools meet in string,
 * tuples in lists, objects in maps.
 */
export function unifyTypes(types: readonly Type[]): Type | undefined {
  const first = types[0];
  if (first === undefined) return DYNAMIC;
  if (types.every((type) => sameType(type, first))) return first;
  if (types.some((type) => type.kind === 'dynamic')) return DYNAMIC;
  if (types.every(isPrimitive)) return types.some((type) => type.kind === 'string') ? STRING : undefined;
  if (types.every((type) => type.kind === 'object')) return unifyObjects(types);
  if (types.every((type) => type.kind === 'tuple')) return unifyTuples(types);
  if (types.every((type) => type.kind === 'map' || type.kind === 'object')) {
    return wrap(
      mapOf,
      types.flatMap((type) => (type.kind === 'object' ? [...type.attributes.values()] : elementOf(type))),
    );
  }
  if (types.every((type) => type.kind === 'list' || type.kind === 'set' || type.kind === 'tuple')) {
    const elements = types.flatMap((type) => (type.kind === 'tuple' ? type.elements : elementOf(type)));
    return wrap(
      types.some((type) => type.kind === 'list')
        ? listOf
        : types.some((type) => type.kind === 'set')
          ? setOf
          : listOf,
      elements,
    );
  }
  return undefined;
}

function elementOf(type: Type): readonly Type[] {
  return type.kind === 'list' || type.kind === 'set' || type.kind === 'map' ? [type.element] : [];
}

function wrap(make: (element: Type) => Type, elements: readonly Type[]): Type | undefined {
  const element = unifyTypes(elements);
  return element && make(element);
}

function unifyObjects(types: readonly (Type & { kind: 'object' })[]): Type | undefined {
  const names = [...types[0]!.attributes.keys()];
  const sameNames = types.every(
    ({ attributes }) => attributes.size === names.length && names.every((name) => attributes.has(name)),
  );
  if (!sameNames)
    return wrap(
      mapOf,
      types.flatMap(({ attributes }) => [...attributes.values()]),
    );
  const attributes = new Map<string, Type>();
  for (const name of names) {
    const type = unifyTypes(types.map((object) => object.attributes.get(name)!));
    if (type === undefined) return undefined;
    attributes.set(name, type);
  }
  return { kind: 'object', attributes };
}

function unifyTuples(types: readonly (Type & { kind: 'tuple' })[]): Type | undefined {
  const { length } = types[0]!.elements;
  if (!types.every(({ elements }) => elements.length === length)) {
    return wrap(
      listOf,
      types.flatMap(({ elements }) => elements),
    );
  }
  const elements: Type[] = [];
  for (let index = 0; index < length; index += 1) {
    const type = unifyTypes(types.map((tuple) => tuple.elements[index]!));
    if (type === undefined) return undefined;
    elements.push(type);
  }
  return { kind: 'tuple', elements };
}
