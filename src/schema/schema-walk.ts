import type * as z from 'zod';
import type { PropertyPath } from './property-path.ts';

/** The parts of a zod definition that are looked at here. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.ZodType;
  readonly in?: z.ZodType;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly shape?: Readonly<Record<string, z.ZodType>>;
  readonly catchall?: z.ZodType;
  readonly items?: readonly z.ZodType[];
}

const definition = (schema: z.ZodType): Definition => schema.def;

/** The schemas that a value of `schema` may have to match as written: wrappers taken off, unions spread out. */
export function alternatives(schema: z.ZodType): readonly z.ZodType[] {
  const def = definition(schema);
  if (def.type === 'union') return (def.options ?? []).flatMap(alternatives);
  if (def.type === 'pipe' && def.in !== undefined) return alternatives(def.in);
  if (def.innerType !== undefined) return alternatives(def.innerType);
  return [schema];
}

/** The schemas that the value at `path` may have to match, before wrappers are taken off. */
function schemasAt(schema: z.ZodType, path: PropertyPath): readonly z.ZodType[] {
  let current: readonly z.ZodType[] = [schema];
  for (const part of path) {
    current = current.flatMap((candidate) =>
      alternatives(candidate).flatMap((alternative) => child(definition(alternative), part) ?? []),
    );
  }
  return current;
}

function child(def: Definition, part: string | number): z.ZodType | undefined {
  if (def.type === 'object') return Object.hasOwn(def.shape ?? {}, part) ? def.shape?.[part] : def.catchall;
  if (def.type === 'array') return def.element;
  if (def.type === 'record') return def.valueType;
  if (def.type === 'tuple') return typeof part === 'number' ? def.items?.[part] : undefined;
  return undefined;
}

/** Names of the properties that an object at `path` may have. */
export function propertyNames(schema: z.ZodType, path: PropertyPath): readonly string[] {
  const names = schemasAt(schema, path)
    .flatMap(alternatives)
    .flatMap((alternative) => Object.keys(definition(alternative).shape ?? {}));
  return [...new Set(names)];
}

/** A meta value of the field at `path`, looked for through wrappers and union members. */
export function metaAt(schema: z.ZodType, path: PropertyPath, name: string): unknown {
  for (const candidate of schemasAt(schema, path)) {
    const found = metaOf(candidate, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

function metaOf(schema: z.ZodType, name: string): unknown {
  const own = schema.meta()?.[name];
  if (own !== undefined) return own;
  const def = definition(schema);
  for (const inner of [def.innerType, def.in, ...(def.options ?? [])]) {
    const found = inner === undefined ? undefined : metaOf(inner, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Paths of nested objects that would silently drop unknown properties; kinds must have none. */
export function looseObjects(schema: z.ZodType, path = ''): string[] {
  return alternatives(schema).flatMap((alternative) => {
    const def = definition(alternative);
    const own = def.type === 'object' && def.catchall === undefined && path !== '' ? [path] : [];
    const fields = Object.entries(def.shape ?? {}).map(([name, field]): [string, z.ZodType] => [
      `.${name}`,
      field,
    ]);
    if (def.element !== undefined) fields.push(['[]', def.element]);
    if (def.valueType !== undefined) fields.push(['{}', def.valueType]);
    return [...own, ...fields.flatMap(([name, field]) => looseObjects(field, path + name))];
  });
}
