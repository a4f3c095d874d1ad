import type * as z from 'zod';
import { toJsonSchema, type JsonSchema } from './json-schema.ts';

/** Rows of a table with all fields of a schema, also those of objects in it (`repositories[].key`). */
export function fieldTable(schema: z.ZodObject, leaveOut: readonly string[] = []): string[] {
  const rows = describeFields(schema).filter(([name]) => !leaveOut.includes(name));
  if (rows.length === 0) return ['It has no options.'];
  return [
    '| option | type | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows.map((cells) => row(cells)),
  ];
}

export const row = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`;

const escapeCell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** A field in words, as Markdown: code in back quotes, `**required**` as its default when it must be given. */
export type FieldRow = readonly [name: string, type: string, byDefault: string, meaning: string];

/** All fields of a schema, also those of objects in it. */
export function describeFields(schema: z.ZodObject): FieldRow[] {
  return fieldRows(toJsonSchema(schema), '');
}

function fieldRows(schema: JsonSchema, prefix: string): FieldRow[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]): FieldRow[] => {
    const place = `${prefix}${name}`;
    const isRequired = schema.required?.includes(name) === true && field.default === undefined;
    const byDefault = isRequired ? '**required**' : defaultText(field.default);
    const nested = nestedRows(field, place);
    return [
      [`\`${place}\``, typeText(field), byDefault, field.description ?? ''],
      ...(repeats(nested, schema, place) ? [] : nested),
    ];
  });
}

/** Whether a list of objects has the very fields of the object that holds it, so that its rows tell nothing new. */
function repeats(nested: readonly FieldRow[], schema: JsonSchema, place: string): boolean {
  return (
    nested.length > 0 &&
    nested.every(([name, , , meaning]) => {
      const own = schema.properties?.[name.replace(`\`${place}[].`, '').replace('`', '')];
      return own !== undefined && own.description === meaning;
    })
  );
}

function nestedRows(field: JsonSchema, place: string): FieldRow[] {
  const isChoice = (field.anyOf ?? []).filter((option) => option.properties !== undefined).length > 1;
  return [field, ...(field.anyOf ?? [])].flatMap((option) => {
    // Of several forms each requires fields that the others do not have.
    if (option.properties !== undefined)
      return fieldRows(isChoice ? { ...option, required: [] } : option, `${place}.`);
    const item = Array.isArray(option.items) ? undefined : option.items;
    if (item !== undefined) return nestedRows(item, `${place}[]`);
    if (typeof option.additionalProperties === 'object')
      return nestedRows(option.additionalProperties, `${place}.NAME`);
    return [];
  });
}

function defaultText(value: unknown): string {
  if (value === undefined) return '';
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return isEmpty ? '' : `\`${JSON.stringify(value)}\``;
}

/** The type of a field in a few words. */
function typeText(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeText))].join(' or ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeText({ type })).join(' or ');
  switch (schema.type) {
    case 'string':
      return 'text';
    case 'integer':
      return 'whole number';
    case 'number':
      return 'number';
    case 'boolean':
      return 'true or false';
    case 'array':
      return `list of ${schema.items === undefined || Array.isArray(schema.items) ? 'values' : typeText(schema.items)}`;
    case 'object':
      if (typeof schema.additionalProperties === 'object')
        return `map of ${typeText(schema.additionalProperties)}`;
      return 'map';
    default:
      return 'any';
  }
}
