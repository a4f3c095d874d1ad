import type { z } from 'zod';

/** An example that feeds the reference pages and the contract tests. */
export interface KindExample {
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** An example that must be refused, with a part of the message. */
export interface BadKindExample extends KindExample {
  readonly error: string;
}

/**
 * What every kind (source, step, exporter, check, builder) declares. The schema is the only truth about its options:
 * types, validation, JSON Schema, reference page and `--help` come from it. Every field carries `.describe(text)`.
 */
export interface KindDescriptor<Schema extends z.ZodObject = z.ZodObject> {
  /** The name users write, kebab-case. */
  readonly type: string;
  /** One line for lists. */
  readonly summary: string;
  /** Paragraphs for the reference page, in Markdown. */
  readonly description?: string;
  readonly schema: Schema;
  /** Raised whenever the kind gives another result for the same options: old layers are then not used again. */
  readonly keyVersion: number;
  readonly examples: { readonly good: readonly KindExample[]; readonly bad: readonly BadKindExample[] };
  /** Of a kind from a plugin: digest of the plugin's code, set when it is loaded. In the key, as nobody raises versions while trying things. */
  readonly code?: string;
  /** Programs the kind calls on the host, for `doctor` and early errors. */
  readonly tools?: readonly string[];
}

/**
 * Remembers, for the compiler only, the name of a kind and what users write for it: editors complete them in
 * TypeScript templates. `written` never has a value.
 */
export interface TypedKind<Type extends string, Written> {
  readonly type: Type;
  readonly written?: Written;
}

/** The options of every kind of a union of kinds, by the kind's name. */
export type InputsOf<Kinds extends TypedKind<string, unknown>> = {
  readonly [Kind in Kinds as Kind['type']]: NonNullable<Kind['written']>;
};

/** Meta of one option field; set with `.meta({ key: 'out', … })`. Fields are in the key unless they say otherwise. */
export interface OptionMeta {
  readonly description?: string;
  /**
   * `in` (default): the value is in the key. `content`: the value is a host path whose content is in the key instead.
   * `out`: has no influence on the result (labels, logs); never in the key.
   */
  readonly key?: 'in' | 'content' | 'out';
  /** The value names a secret, so that a template may put a sensitive variable here. Fields called `secret` always may. */
  readonly secret?: boolean;
}

/** The options of `options` that belong in a key, by the schema's `OptionMeta`, at every depth. Unknown fields stay in. */
export function keyOptions(
  schema: z.ZodObject,
  options: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    const field = (schema.shape as Readonly<Record<string, z.ZodType | undefined>>)[name];
    const meta = field === undefined ? undefined : readMeta(field);
    if ((meta?.key ?? 'in') === 'in' && value !== undefined) kept[name] = keyValue(field, value);
  }
  return kept;
}

/** The parts of a schema that this file looks into; each kind of field has its own. */
interface FieldDef {
  readonly innerType?: z.ZodType;
  readonly element?: z.ZodType;
  readonly valueType?: z.ZodType;
  readonly options?: readonly z.ZodType[];
  readonly shape?: Readonly<Record<string, z.ZodType>>;
}

const defOf = (field: z.ZodType): FieldDef => field.def as unknown as FieldDef;

/** A value with the fields left out that its schema keeps out of keys. */
function keyValue(field: z.ZodType | undefined, value: unknown): unknown {
  if (field === undefined || typeof value !== 'object' || value === null) return value;
  const def = defOf(field);
  if (def.innerType !== undefined) return keyValue(def.innerType, value);
  if (def.options !== undefined)
    return keyValue(
      def.options.find((option) => option.safeParse(value).success),
      value,
    );
  if (Array.isArray(value)) return value.map((item: unknown) => keyValue(def.element, item));
  const record = value as Record<string, unknown>;
  if (def.shape !== undefined) return keyOptions(field as z.ZodObject, record);
  return Object.fromEntries(
    Object.entries(record).map(([name, item]) => [name, keyValue(def.valueType, item)]),
  );
}

/** Meta of a field, looked for through `.optional()` and `.default()` wrappers. */
function readMeta(field: z.ZodType): OptionMeta | undefined {
  const meta = field.meta();
  if (meta?.['key'] !== undefined) return meta;
  const inner = defOf(field).innerType;
  return inner === undefined ? undefined : readMeta(inner);
}
