import * as z from 'zod';
import { allowReferences, toJsonSchema, type JsonSchema } from '../schema/json-schema.ts';
import type { KindDescriptor } from '../schema/kind.ts';
import type { KindTable } from '../schema/kind-table.ts';
import type { Kinds } from '../schema/kinds.ts';
import {
  builderFields,
  checkFields,
  exportFields,
  postFields,
  sourceFields,
  stepFields,
  templateFields,
} from './template-schema.ts';

const REFERENCE = '#/definitions/reference';

/** Fields of a template that hold references; the others are read before any variable has a value. */
const WITH_REFERENCES = ['architecture', 'directory', 'outputFolder', 'sourceDateEpoch', 'disk'];

/** JSON Schema of a YAML or JSON template, with the options of all kinds, for editors. */
export function templateJsonSchema(kinds: Kinds): JsonSchema {
  const pipeline = toJsonSchema(z.strictObject(templateFields));
  const fields = Object.fromEntries(
    Object.entries(pipeline.properties ?? {}).map(([name, field]): [string, JsonSchema] => [
      name,
      WITH_REFERENCES.includes(name)
        ? (allowReferences({ properties: { field } }, REFERENCE).properties?.['field'] ?? field)
        : field,
    ]),
  );
  const list = (name: string, ref: string): JsonSchema => ({
    ...(fields[name]?.description === undefined ? {} : { description: fields[name].description }),
    type: 'array',
    items: { $ref: `#/definitions/${ref}` },
  });
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'imgpipe template',
    description: 'One pipeline, or a list of them.',
    if: { type: 'array' },
    then: { items: { $ref: '#/definitions/pipeline' } },
    else: { $ref: '#/definitions/pipeline' },
    definitions: {
      pipeline: {
        ...pipeline,
        properties: {
          ...fields,
          builder: {
            ...(fields['builder']?.description === undefined
              ? {}
              : { description: fields['builder'].description }),
            // The sandbox on layers has no kind of its own.
            if: { properties: { type: { const: 'rootfs' } }, required: ['type'] },
            then: { properties: { type: {} }, additionalProperties: false },
            else: { $ref: '#/definitions/builder' },
          },
          source: { $ref: '#/definitions/source' },
          steps: list('steps', 'step'),
          cleanup: {
            ...(fields['cleanup']?.description === undefined
              ? {}
              : { description: fields['cleanup'].description }),
            allOf: [{ $ref: '#/definitions/step' }],
          },
          exports: list('exports', 'export'),
          checks: list('checks', 'check'),
        },
        required: ['source'],
      },
      reference: {
        description: 'A value of a variable or matrix axis: `${var.name}`, `${matrix.axis}`.',
        type: 'string',
        pattern: '^\\$\\{.*\\}$',
      },
      ...uses(kinds.builders, builderFields),
      ...uses(kinds.sources, sourceFields),
      ...uses(kinds.steps, stepFields),
      ...exportUses(kinds),
      ...uses(kinds.posts, postFields),
      ...uses(kinds.checks, checkFields),
    },
  };
}

/** As `uses`, with the post-processors by their kinds. */
function exportUses(kinds: Kinds): Record<string, JsonSchema> {
  const definitions = uses(kinds.exports, exportFields);
  const { post, chains } = exportFields.shape;
  for (const { type } of kinds.exports.all) {
    const properties = definitions[`export.${type}`]?.properties;
    if (properties === undefined) continue;
    properties['post'] = {
      ...(post.description === undefined ? {} : { description: post.description }),
      type: 'array',
      items: { $ref: '#/definitions/post-processor' },
    };
    properties['chains'] = {
      ...(chains.description === undefined ? {} : { description: chains.description }),
      type: 'array',
      items: { type: 'array', items: { $ref: '#/definitions/post-processor' } },
    };
  }
  return definitions;
}

/** A definition for every kind of a table, and one that chooses among them by `type`. */
function uses(table: KindTable<KindDescriptor>, common: z.ZodObject): Record<string, JsonSchema> {
  const shared = allowReferences(toJsonSchema(common), REFERENCE).properties ?? {};
  const definitions: Record<string, JsonSchema> = {};
  for (const kind of table.all) {
    const own = allowReferences(toJsonSchema(kind.schema), REFERENCE);
    definitions[`${table.sort}.${kind.type}`] = {
      description: kind.summary,
      type: 'object',
      properties: { ...shared, ...own.properties, type: { const: kind.type, description: kind.summary } },
      required: ['type', ...(own.required ?? [])],
      additionalProperties: false,
    };
  }
  definitions[table.sort] = {
    type: 'object',
    properties: {
      type: {
        description: `Kind of the ${table.sort}.`,
        enum: [...table.types],
      },
    },
    required: ['type'],
    allOf: table.types.map((type) => ({
      if: { properties: { type: { const: type } }, required: ['type'] },
      then: { $ref: `#/definitions/${table.sort}.${type}` },
    })),
  };
  return definitions;
}
