import type * as z from 'zod';
import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import type { Failure, Result } from '../diagnostics/failure.ts';
import { nearestName, suggestName } from '../diagnostics/nearest-name.ts';
import type { Locator } from './locator.ts';
import { formatPath, valueAt, type PropertyPath } from './property-path.ts';
import { propertyNames } from './schema-walk.ts';

/** What messages about a value say and where they point. */
export interface ParseContext {
  /** What is being read, as messages begin: `step setup (package)`. */
  readonly subject: string;
  readonly locate: Locator;
  /** Reason of failures other than unknown properties. */
  readonly reason: FailureReason;
  /** Reason of unknown properties; `reason` when left out. */
  readonly unknownReason?: FailureReason;
  /** What properties are called: `option` (default), `field`. */
  readonly noun?: string;
  /** More names that are known at the top level, for suggestions. */
  readonly alsoKnown?: readonly string[];
  /** Unknown names at the top level that are told already. */
  readonly unknown?: readonly string[];
}

/** Parses `value`; every issue becomes a failure with the place where the user wrote it. */
export function parseLocated<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  context: ParseContext,
): Result<z.output<Schema>> {
  // Compiling a schema costs more than the few values that it sees in one run.
  const parsed = schema.safeParse(value, { error: describeIssue, reportInput: true, jitless: true });
  if (parsed.success) return { ok: true, value: parsed.data };
  const issues = withoutConsequences(parsed.error.issues, schema, context);
  return { ok: false, failures: issues.flatMap((issue) => issueFailures(issue, schema, value, context)) };
}

/**
 * A mistyped name makes the right one missing and breaks rules over several properties; only the name is the mistake.
 */
function withoutConsequences(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodType,
  context: ParseContext,
): z.core.$ZodIssue[] {
  const unknown = new Map<string, readonly string[]>([['', context.unknown ?? []]]);
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys') unknown.set(formatPath(asPath(issue.path)), issue.keys);
  }
  return issues.filter((issue) => {
    const path = asPath(issue.path);
    if (issue.code === 'custom') return (unknown.get(formatPath(path)) ?? []).length === 0;
    const container = path.slice(0, -1);
    const names = path.length === 0 ? [] : (unknown.get(formatPath(container)) ?? []);
    if (names.length === 0 || issue.input !== undefined) return true;
    const known = propertyNames(schema, container);
    return !names.some((name) => nearestName(name, known) === path.at(-1));
  });
}

const asPath = (path: readonly PropertyKey[]): PropertyPath =>
  path.map((part) => (typeof part === 'symbol' ? String(part) : part));

/** A failure for a name that is not among the known ones. */
export function unknownProperty(
  name: string,
  path: PropertyPath,
  known: readonly string[],
  context: ParseContext,
): Failure {
  const noun = context.noun ?? 'option';
  const where = path.length === 0 ? '' : ` in ${formatPath(path)}`;
  return {
    reason: context.unknownReason ?? context.reason,
    message: `${context.subject}: unknown ${noun} ${JSON.stringify(name)}${where}`,
    origin: context.locate([...path, name], 'key'),
    ...hinted(suggestName(name, known, `${noun}s`)),
  };
}

function issueFailures(
  issue: z.core.$ZodIssue,
  schema: z.ZodType,
  value: unknown,
  context: ParseContext,
  base: PropertyPath = [],
): Failure[] {
  const path = [...base, ...asPath(issue.path)];
  if (issue.code === 'unrecognized_keys') {
    const known = [...propertyNames(schema, path), ...(path.length === 0 ? (context.alsoKnown ?? []) : [])];
    return issue.keys.map((key) => unknownProperty(key, path, known, context));
  }
  if (issue.code === 'invalid_union') {
    const branch = likeliestBranch(issue.errors);
    if (branch !== undefined)
      return branch.flatMap((inner) => issueFailures(inner, schema, value, context, path));
  }
  const isKey = issue.code === 'invalid_key';
  const label = path.length === 0 ? '' : `${formatPath(path)}: `;
  return [
    {
      reason: context.reason,
      message: `${context.subject}: ${label}${issue.message}`,
      origin: context.locate(path, isKey ? 'key' : 'value'),
      ...hinted(valueHint(issue, valueAt(value, path))),
    },
  ];
}

/** The union member the user most likely meant: one that failed deeper than at its own type, if there is one. */
function likeliestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  const deeper = branches.filter((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code !== 'invalid_type'),
  );
  const plausible = deeper.filter((issues) =>
    issues.every((issue) => issue.code !== 'invalid_value' || issue.path.length > 0),
  );
  return (plausible.length > 0 ? plausible : deeper).toSorted((a, b) => a.length - b.length)[0];
}

function valueHint(issue: z.core.$ZodIssue, value: unknown): string | undefined {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return undefined;
  const near = nearestName(value, issue.values.map(String));
  return near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?`;
}

const hinted = (hint: string | undefined): { hint?: string } => (hint === undefined ? {} : { hint });

/** Our words for what zod finds; a message given in the schema itself goes before. */
function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return `is missing (${typeName(issue.expected)})`;
      return `must be ${typeName(issue.expected)}, not ${describeValue(issue.input)}`;
    case 'invalid_value': {
      const values = issue.values.map((value) => JSON.stringify(value) ?? String(value));
      if (issue.input === undefined) return `is missing (${listed(values)})`;
      return `must be ${listed(values)}, not ${describeValue(issue.input)}`;
    }
    case 'invalid_union':
      return issue.input === undefined ? 'is missing' : unionMessage(issue.errors, issue.input);
    case 'too_small':
      return bound('least', Number(issue.minimum), issue.inclusive ?? true, issue.origin);
    case 'too_big':
      return bound('most', Number(issue.maximum), issue.inclusive ?? true, issue.origin);
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_key':
      return issue.issues[0]?.message;
    default:
      return undefined;
  }
}

function unionMessage(errors: readonly (readonly z.core.$ZodIssue[])[], input: unknown): string {
  const wanted = errors.flatMap((issues) => {
    const first = issues[0];
    if (first?.code === 'invalid_type' && first.path.length === 0) return [typeName(first.expected)];
    if (first?.code === 'invalid_value' && first.path.length === 0)
      return first.values.map((value) => JSON.stringify(value) ?? String(value));
    return [];
  });
  return wanted.length === 0
    ? 'is not valid'
    : `must be ${listed([...new Set(wanted)])}, not ${describeValue(input)}`;
}

function bound(side: 'least' | 'most', limit: number, inclusive: boolean, origin: string): string {
  const count = Number.isInteger(limit) && !inclusive ? limit + (side === 'least' ? 1 : -1) : limit;
  const units: Readonly<Record<string, string>> = { string: 'character', array: 'entry', set: 'entry' };
  const unit = units[origin];
  if (unit !== undefined && side === 'least' && count === 1) return 'must not be empty';
  const plural = unit === 'entry' ? 'entries' : 'characters';
  if (unit !== undefined) return `must have at ${side} ${count} ${count === 1 ? unit : plural}`;
  return `must be at ${side} ${count}`;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'null',
  never: 'left out',
};

const typeName = (type: string): string => TYPE_NAMES[type] ?? `a ${type}`;

function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1) ?? ''}`;
}

/** The wrong value as messages show it: short, with its type where that is the point. */
export function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (value === null) return 'null';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'string')
    return `${typeof value === 'boolean' ? '' : `${typeof value} `}${String(value)}`;
  const text = value.length > 60 ? `${value.slice(0, 57)}…` : value;
  return JSON.stringify(text);
}
