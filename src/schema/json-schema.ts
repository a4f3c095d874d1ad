import * as z from 'zod';

/** A JSON Schema (draft 7) as plain data. */
export interface JsonSchema {
  $schema?: string;
  $id?: string;
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  const?: unknown;
  enum?: unknown[];
  default?: unknown;
  pattern?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean | JsonSchema;
  propertyNames?: JsonSchema;
  items?: JsonSchema | JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  if?: JsonSchema;
  then?: JsonSchema;
  else?: JsonSchema;
  definitions?: Record<string, JsonSchema>;
  minimum?: number;
  maximum?: number;
}

/** What users may write for a zod schema, as JSON Schema for editors. */
export function toJsonSchema(schema: z.ZodType): JsonSchema {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    target: 'draft-7',
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Our own meta of fields (see `OptionMeta`) is no part of JSON Schema; bounds of safe integers are only noise.
      const node = jsonSchema as Record<string, unknown>;
      delete node['key'];
      delete node['secret'];
      delete node['packer'];
      if (node['maximum'] === Number.MAX_SAFE_INTEGER) delete node['maximum'];
      if (node['minimum'] === Number.MIN_SAFE_INTEGER) delete node['minimum'];
    },
  }) as JsonSchema;
  delete json.$schema;
  return json;
}

/** Lets every value that is not free text be a `${…}` reference instead; `ref` is a schema of its own. */
export function allowReferences(schema: JsonSchema, ref: string): JsonSchema {
  const inner: JsonSchema = { ...schema };
  if (schema.properties !== undefined) {
    inner.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, orReference(field, ref)]),
    );
  }
  if (Array.isArray(schema.items)) inner.items = schema.items.map((item) => orReference(item, ref));
  else if (schema.items !== undefined) inner.items = orReference(schema.items, ref);
  if (typeof schema.additionalProperties === 'object') {
    inner.additionalProperties = orReference(schema.additionalProperties, ref);
  }
  if (schema.anyOf !== undefined) inner.anyOf = schema.anyOf.map((option) => allowReferences(option, ref));
  return inner;
}

function orReference(schema: JsonSchema, ref: string): JsonSchema {
  const inner = allowReferences(schema, ref);
  const isFreeText = schema.type === 'string' && schema.pattern === undefined && schema.enum === undefined;
  const isAnything = Object.keys(schema).every((key) => key === 'description' || key === 'default');
  const mayBeText =
    schema.anyOf?.some((option) => option.type === 'string' && option.pattern === undefined) === true;
  if (isFreeText || isAnything || mayBeText) return inner;
  if (inner.anyOf !== undefined) return { ...inner, anyOf: [...inner.anyOf, { $ref: ref }] };
  const { description, default: byDefault, ...rest } = inner;
  return {
    ...(description === undefined ? {} : { description }),
    ...(byDefault === undefined ? {} : { default: byDefault }),
    anyOf: [rest, { $ref: ref }],
  };
}
