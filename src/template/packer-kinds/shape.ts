import * as z from 'zod';
import { BOOL, DYNAMIC, NUMBER, STRING, type Type, listOf, mapOf } from '../packer-hcl/values/type.ts';
import type { FieldNote } from './fields.ts';

/** How an option is read from a template, taken from its schema. */
export type OptionShape =
  | { readonly kind: 'value'; readonly type: Type; readonly note: FieldNote | undefined }
  | { readonly kind: 'block'; readonly options: OptionShapes };

export type OptionShapes = ReadonlyMap<string, OptionShape>;

const known = new WeakMap<z.ZodObject, OptionShapes>();

/** The options of a schema by name. */
export function shapesOf(schema: z.ZodObject): OptionShapes {
  const found = known.get(schema);
  if (found !== undefined) return found;
  const shapes = new Map(
    Object.entries(schema.shape).map(([name, field]) => [name, shapeOf(field as z.ZodType)]),
  );
  known.set(schema, shapes);
  return shapes;
}

function shapeOf(field: z.ZodType): OptionShape {
  const inner = unwrapped(field);
  if (inner instanceof z.ZodObject) return { kind: 'block', options: shapesOf(inner) };
  const note = (field.meta() ?? inner.meta())?.['packer'];
  return { kind: 'value', type: typeOf(inner), note: isNote(note) ? note : undefined };
}

const isNote = (note: unknown): note is FieldNote =>
  note === 'duration' || note === 'raw' || note === 'trilean';

const unwrapped = (field: z.ZodType): z.ZodType =>
  field instanceof z.ZodOptional ? (field.unwrap() as z.ZodType) : field;

function typeOf(field: z.ZodType): Type {
  if (field instanceof z.ZodString) return STRING;
  if (field instanceof z.ZodBoolean) return BOOL;
  if (field instanceof z.ZodNumber) return NUMBER;
  if (field instanceof z.ZodArray) return listOf(typeOf(field.element as z.ZodType));
  if (field instanceof z.ZodRecord) return mapOf(typeOf(field.valueType as z.ZodType));
  return DYNAMIC;
}
