import path from 'node:path';
import type { Failure } from '../diagnostics/failure.ts';
import type { SecretSpec } from '../model/pipeline.ts';
import { parseLocated, unknownProperty, type ParseContext } from '../schema/issues.ts';
import { lazyRange, subLocator } from '../schema/locator.ts';
import type * as z from 'zod';
import { isUnresolved } from './interpolate.ts';
import { variantsOf, type Variant } from './matrix.ts';
import type { ParsedPipeline } from './parsed-template.ts';
import {
  nameField,
  TEMPLATE_FIELDS,
  templateFields,
  type TemplateField,
  type VariableDeclaration,
} from './template-schema.ts';

/** What a pipeline says of itself before any variable has a value. */
export interface PipelineHeadFields {
  readonly parsed: ParsedPipeline;
  readonly name: string;
  readonly description?: string;
  readonly variables: Readonly<Record<string, VariableDeclaration>>;
  readonly secrets: readonly SecretSpec[];
  readonly variants: readonly Variant[];
  /** Whether variables and matrix could be read; if not, what follows from them is not complained about. */
  readonly complete: boolean;
}

const HEAD_FIELDS = ['$schema', 'name', 'description', 'variables', 'secrets', 'matrix'] as const;

/** Checks the fields of a template that take no references, and the names of all its fields. */
export function resolveHead(parsed: ParsedPipeline, failures: Failure[]): PipelineHeadFields {
  const { fields, locate } = parsed;
  for (const field of Object.keys(fields)) {
    if (TEMPLATE_FIELDS.includes(field as TemplateField)) continue;
    failures.push(unknownProperty(field, [], TEMPLATE_FIELDS, fieldContext(parsed)));
  }
  const read = <Field extends (typeof HEAD_FIELDS)[number]>(field: Field) =>
    readField(parsed, field, fields, failures);
  const secrets = read('secrets') ?? {};
  const before = failures.length;
  const variables = read('variables') ?? {};
  const variants = variantsOf(read('matrix'), locate, failures);
  const complete = failures.length === before;
  for (const name of Object.keys(secrets)) {
    if (variables[name]?.sensitive !== true) continue;
    failures.push({
      reason: 'duplicate-name',
      message: `the secret "${name}" has the name of a sensitive variable`,
      origin: locate(['secrets', name], 'key'),
      related: [{ message: 'the variable is declared here', range: locate(['variables', name], 'key') }],
    });
  }
  const description = read('description');
  const name = read('name') ?? parsed.fallbackName;
  if (fields['name'] === undefined && !nameField().safeParse(name).success) {
    failures.push({
      reason: 'template-invalid',
      message: `${JSON.stringify(name)}, from the name of the file, is no name for a pipeline`,
      origin: locate([]),
      hint: 'Rename the file, or give the template a `name` of letters, digits, dots, dashes and underscores.',
    });
  }
  return {
    parsed,
    name,
    ...(description === undefined ? {} : { description }),
    variables,
    secrets: Object.entries(secrets).map(([name, from]) => secretSpec(parsed, name, from)),
    variants,
    complete,
  };
}

type SecretDeclaration = NonNullable<z.output<typeof templateFields.secrets>>[string];

function secretSpec(parsed: ParsedPipeline, name: string, from: SecretDeclaration): SecretSpec {
  const origin = lazyRange(() => parsed.locate(['secrets', name], 'key'));
  if ('env' in from) return { name, from: { type: 'env', variable: from.env }, origin };
  if ('file' in from) {
    return { name, from: { type: 'file', path: path.resolve(path.dirname(parsed.file), from.file) }, origin };
  }
  const argv = typeof from.command === 'string' ? ['sh', '-c', from.command] : from.command;
  return { name, from: { type: 'command', argv }, origin };
}

/** What messages about the template's own fields say. */
export function fieldContext(parsed: ParsedPipeline, field?: string): ParseContext {
  return {
    subject: field ?? 'template',
    locate: field === undefined ? parsed.locate : subLocator(parsed.locate, [field]),
    reason: 'template-invalid',
    unknownReason: 'unknown-option',
    noun: 'field',
  };
}

/** Fields whose entries are looked at one by one. */
const LISTS: ReadonlySet<string> = new Set(['source', 'steps', 'cleanup', 'exports', 'checks']);

/** One field by its schema; undefined when it is wrong, which has then been told. */
export function readField<Field extends TemplateField>(
  parsed: ParsedPipeline,
  field: Field,
  values: Readonly<Record<string, unknown>>,
  failures: Failure[],
): z.output<(typeof templateFields)[Field]> | undefined {
  if (isUnresolved(values[field]) && !LISTS.has(field)) return undefined;
  const schema: z.ZodType = templateFields[field];
  const result = parseLocated(schema, values[field], fieldContext(parsed, field));
  if (result.ok) return result.value as z.output<(typeof templateFields)[Field]>;
  failures.push(...result.failures);
  return undefined;
}
