import type * as z from 'zod';
import type { Failure } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import { lateSecrets, lateValue } from '../model/late-value.ts';
import { parseLocated, unknownProperty, type ParseContext } from '../schema/issues.ts';
import type { KindDescriptor } from '../schema/kind.ts';
import type { KindTable } from '../schema/kind-table.ts';
import type { Locator } from '../schema/locator.ts';
import type { PropertyPath } from '../schema/property-path.ts';
import { metaAt } from '../schema/schema-walk.ts';
import { isUnresolved, someValue } from './interpolate.ts';
import { leak, SecretMark } from './secret-mark.ts';

export interface UseRequest<Kind extends KindDescriptor, Fields extends z.ZodObject> {
  readonly table: KindTable<Kind>;
  /** The fields of the template itself beside the kind's options. */
  readonly fields: Fields;
  readonly raw: Readonly<Record<string, unknown>>;
  readonly locate: Locator;
  /** What it is in messages: `step 3`, `source`. */
  readonly subject: string;
  /** Options for kinds that have them and are not given them. */
  readonly fallbacks?: Readonly<Record<string, unknown>>;
}

export interface ResolvedUse<Kind, Fields extends z.ZodObject> {
  readonly kind: Kind;
  readonly options: Record<string, unknown>;
  readonly fields: z.output<Fields>;
}

/**
 * Checks one source, step, export or check against its kind. A field that both the kind and the template know is the
 * kind's option; `export` of a check is both.
 */
export function resolveUse<Kind extends KindDescriptor, Fields extends z.ZodObject>(
  request: UseRequest<Kind, Fields>,
  failures: Failure[],
): ResolvedUse<Kind, Fields> | undefined {
  const { table, raw, locate } = request;
  const type = String(raw['type']);
  const kind = table.get(type);
  if (kind === undefined) {
    const hint = suggestName(type, table.types, `${table.sort} types`);
    failures.push({
      reason: 'unknown-kind',
      message: `${request.subject}: unknown ${table.sort} type ${JSON.stringify(type)}`,
      origin: locate(['type']),
      ...(hint === undefined ? {} : { hint }),
    });
    return undefined;
  }
  const before = failures.length;
  const context: ParseContext = {
    subject: `${request.subject} (${type})`,
    locate,
    reason: 'template-invalid',
    unknownReason: 'unknown-option',
  };
  const { options, common, unknown } = split(raw, kind, request, context, failures);
  for (const [name, value] of Object.entries(request.fallbacks ?? {})) {
    if (options[name] === undefined && value !== undefined && Object.hasOwn(kind.schema.shape, name))
      options[name] = value;
  }
  const refuse = (secret: string, path: PropertyPath): void => {
    failures.push({ ...leak(secret), origin: locate(path) });
  };
  const inTexts = takesSecretTexts(kind, table.sort);
  const place: Place = inTexts
    ? ({ secret }) => lateValue('secret', secret)
    : ({ secret }, path) => refuse(secret, path);
  const shown = someValue(options, isMark) ? placeSecrets(options, { kind, inTexts, place }, []) : options;
  // Lists of post-processors are looked at one by one.
  const plain = Object.entries(common).filter(([name]) => name !== 'post' && name !== 'chains');
  for (const part of inTexts ? [Object.fromEntries(plain)] : [Object.fromEntries(plain), shown]) {
    const path = pathOf(part, isStandIn);
    if (path !== undefined) refuse(lateSecrets(part).join(', '), path);
  }
  if (isUnresolved(raw)) return undefined;
  const fields = parseLocated(request.fields, common, context);
  const parsed = parseLocated(kind.schema, shown, { ...context, unknown });
  if (!fields.ok) failures.push(...fields.failures);
  if (!parsed.ok) failures.push(...parsed.failures);
  if (!fields.ok || !parsed.ok || failures.length > before) return undefined;
  return { kind, options: parsed.value, fields: fields.value };
}

function split<Kind extends KindDescriptor, Fields extends z.ZodObject>(
  raw: Readonly<Record<string, unknown>>,
  kind: Kind,
  request: UseRequest<Kind, Fields>,
  context: ParseContext,
  failures: Failure[],
): { options: Record<string, unknown>; common: Record<string, unknown>; unknown: readonly string[] } {
  const unknown: string[] = [];
  const options: Record<string, unknown> = {};
  const common: Record<string, unknown> = {};
  const ours = request.fields.shape;
  for (const [name, value] of Object.entries(raw)) {
    const theirs = name !== 'type' && Object.hasOwn(kind.schema.shape, name);
    const isOurs = Object.hasOwn(ours, name);
    if (theirs) options[name] = value;
    if (isOurs && (!theirs || name === 'export')) common[name] = value;
    if (theirs || isOurs) continue;
    unknown.push(name);
    const known = [...Object.keys(kind.schema.shape), ...Object.keys(ours)];
    failures.push(unknownProperty(name, [], known, context));
  }
  return { options, common, unknown };
}

const STAND_IN = lateValue('secret', '').slice(0, -2);

const isStandIn = (value: unknown): boolean => typeof value === 'string' && value.includes(STAND_IN);

const isMark = (value: unknown): boolean => value instanceof SecretMark;

/** Whether its options may hold secrets in texts: they get them when they run, and nothing else does. */
function takesSecretTexts(kind: KindDescriptor, sort: string): boolean {
  if (sort === 'builder') return true;
  if ('builders' in kind && Array.isArray(kind.builders)) return !kind.builders.includes('rootfs');
  if ('input' in kind && kind.input === 'machine') return true;
  return 'secrets' in kind && kind.secrets === lateSecrets;
}

/** What becomes of a mark in a place that takes no name of a secret. */
type Place = (mark: SecretMark, path: PropertyPath) => unknown;

interface SecretPlaces {
  readonly kind: KindDescriptor;
  /** Secrets stand in texts: no option of the kind takes the name of one, but for fields called `secret`. */
  readonly inTexts: boolean;
  readonly place: Place;
}

/**
 * Replaces marks of sensitive variables by the secret's name where the option takes one: a field called `secret`, or
 * one whose meta says `secret: true`.
 */
function placeSecrets(value: unknown, places: SecretPlaces, path: PropertyPath): unknown {
  if (value instanceof SecretMark) {
    const isName =
      path.at(-1) === 'secret' || (!places.inTexts && metaAt(places.kind.schema, path, 'secret') === true);
    return isName ? value.secret : (places.place(value, path) ?? value.secret);
  }
  if (Array.isArray(value)) return value.map((item, index) => placeSecrets(item, places, [...path, index]));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype)
    return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, placeSecrets(item, places, [...path, key])]),
  );
}

/** Path of the first text equal to `wanted` in options, for pointing at the use of a name. */
export const pathOfText = (value: unknown, wanted: string): PropertyPath | undefined =>
  pathOf(value, (part) => part === wanted);

function pathOf(
  value: unknown,
  test: (part: unknown) => boolean,
  path: PropertyPath = [],
): PropertyPath | undefined {
  if (test(value)) return path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = pathOf(item, test, [...path, Array.isArray(value) ? Number(key) : key]);
    if (found !== undefined) return found;
  }
  return undefined;
}
