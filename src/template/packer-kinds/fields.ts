import * as z from 'zod';

/** How Packer reads a text beyond its type. `duration`: Go's notation; `raw`: `{{ … }}` is rendered by the kind itself. */
export type FieldNote = 'duration' | 'raw' | 'trilean';

const note = (description: string, packer?: FieldNote): { description: string; packer?: FieldNote } =>
  packer === undefined ? { description } : { description, packer };

export const text = (description: string, packer?: FieldNote): z.ZodOptional<z.ZodString> =>
  z.string().optional().meta(note(description, packer));

/** A span of time such as `90s` or `1h5m`. */
export const duration = (description: string): z.ZodOptional<z.ZodString> => text(description, 'duration');

export const flag = (description: string): z.ZodOptional<z.ZodBoolean> =>
  z.boolean().optional().meta(note(description));

export const whole = (description: string): z.ZodOptional<z.ZodNumber> =>
  z.number().optional().meta(note(description));

export const textList = (description: string, packer?: FieldNote): z.ZodOptional<z.ZodArray<z.ZodString>> =>
  z.array(z.string()).optional().meta(note(description, packer));

export const wholeList = (description: string): z.ZodOptional<z.ZodArray<z.ZodNumber>> =>
  z.array(z.number()).optional().meta(note(description));

export const textMap = (description: string): z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodString>> =>
  z.record(z.string(), z.string()).optional().meta(note(description));

/** A nested block that may stand once. */
export const block = <Shape extends z.ZodRawShape>(
  description: string,
  shape: Shape,
): z.ZodOptional<z.ZodObject<Shape>> => z.object(shape).optional().meta(note(description));
