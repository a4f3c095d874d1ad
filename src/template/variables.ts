import type { Failure } from '../diagnostics/failure.ts';
import type { SourceRange } from '../diagnostics/source-range.ts';
import { describeValue } from '../schema/issues.ts';
import { lazyRange, type Locator } from '../schema/locator.ts';
import type { SecretSpec } from '../model/pipeline.ts';
import { SecretMark } from './secret-mark.ts';
import type { VariableDeclaration } from './template-schema.ts';

/** A value given from outside the template. */
export interface GivenVariable {
  readonly name: string;
  readonly value: unknown;
  /** How it came, for messages: `-var`, `IMGPIPE_VAR_x`, a file's name. */
  readonly from: string;
  /** Where it is written, when that is a file. */
  readonly origin?: SourceRange;
  /** Values from the environment may be meant for other projects: unknown names are no mistake. */
  readonly optional: boolean;
}

export interface ResolvedVariables {
  /** Value by name; sensitive ones as marks; undefined where a failure was told. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly secrets: readonly SecretSpec[];
}

type Parsed =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly wanted: string };

/**
 * The value of every declared variable: the last one given, else the default.
 * @param given lowest precedence first
 */
export function resolveVariables(
  declarations: Readonly<Record<string, VariableDeclaration>>,
  given: readonly GivenVariable[],
  locate: Locator,
  failures: Failure[],
): ResolvedVariables {
  const last = new Map(given.map((each) => [each.name, each]));
  const secrets: SecretSpec[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, declaration] of Object.entries(declarations)) {
    const from = last.get(name);
    const where = from === undefined ? 'its default' : `the value from ${from.from}`;
    const refuse = (what: string, hint?: string): void => {
      const shown = declaration.sensitive ? '' : `, not ${describeValue(raw)}`;
      failures.push({
        reason: 'variable-invalid',
        message: `variable "${name}": ${where} ${what}${what.startsWith('must') ? shown : ''}`,
        origin:
          from === undefined
            ? locate(['variables', name, 'default'])
            : (from.origin ?? locate(['variables', name], 'key')),
        ...(from?.origin === undefined
          ? {}
          : {
              related: [
                { message: 'the variable is declared here', range: locate(['variables', name], 'key') },
              ],
            }),
        ...(hint === undefined ? {} : { hint }),
      });
    };
    const raw = from === undefined ? declaration.default : from.value;
    values[name] = undefined;
    if (raw === undefined) {
      failures.push(missing(name, declaration, locate));
      continue;
    }
    const parsed = convert(raw, declaration);
    if (!parsed.ok) {
      refuse(`must be ${parsed.wanted}`);
      continue;
    }
    const broken = brokenRule(parsed.value, declaration);
    if (broken !== undefined) {
      refuse(broken, declaration.validation?.message);
      continue;
    }
    values[name] = declaration.sensitive ? new SecretMark(name) : parsed.value;
    if (declaration.sensitive) {
      const value = typeof parsed.value === 'string' ? parsed.value : JSON.stringify(parsed.value);
      secrets.push({
        name,
        from: { type: 'value', value },
        origin: lazyRange(() => locate(['variables', name], 'key')),
      });
    }
  }
  return { values, secrets };
}

function missing(name: string, declaration: VariableDeclaration, locate: Locator): Failure {
  const what = declaration.description === undefined ? '' : ` (${declaration.description})`;
  return {
    reason: 'variable-missing',
    message: `variable "${name}" has no value${what}`,
    origin: locate(['variables', name], 'key'),
    hint: `Set it with -var ${name}=…, with IMGPIPE_VAR_${name}, or in a file given to -var-file.`,
  };
}

const WANTED = { string: 'text', number: 'a number', bool: 'true or false' } as const;

/** Text from the command line or environment is read as the declared type. */
function convert(raw: unknown, declaration: VariableDeclaration): Parsed {
  switch (declaration.type) {
    case 'list':
      return entries(readList(raw), declaration.items, 'a list');
    case 'map':
      return mapOf(raw, declaration.items);
    default:
      return scalar(raw, declaration.type);
  }
}

function scalar(raw: unknown, type: 'string' | 'number' | 'bool'): Parsed {
  const fine = (value: unknown): Parsed => ({ ok: true, value });
  if (type === 'string' && (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean'))
    return fine(String(raw));
  if (type === 'number') {
    if (typeof raw === 'number') return fine(raw);
    if (typeof raw === 'string' && raw.trim() !== '' && Number.isFinite(Number(raw)))
      return fine(Number(raw));
  }
  if (type === 'bool') {
    if (typeof raw === 'boolean') return fine(raw);
    if (raw === 'true' || raw === 'false') return fine(raw === 'true');
  }
  return { ok: false, wanted: WANTED[type] };
}

function entries(list: readonly unknown[] | undefined, type: keyof typeof WANTED, noun: string): Parsed {
  const parsed = list?.map((item) => scalar(item, type));
  if (parsed === undefined || parsed.some((item) => !item.ok))
    return { ok: false, wanted: `${noun} of ${PLURALS[type]}` };
  return { ok: true, value: parsed.map((item) => (item.ok ? item.value : undefined)) };
}

const PLURALS = { string: 'texts', number: 'numbers', bool: 'true and false' } as const;

function mapOf(raw: unknown, type: keyof typeof WANTED): Parsed {
  const map = readMap(raw);
  const parsed = entries(map === undefined ? undefined : Object.values(map), type, 'a map');
  if (!parsed.ok || map === undefined) return { ok: false, wanted: `a map of ${PLURALS[type]}` };
  const values = parsed.value as unknown[];
  return { ok: true, value: Object.fromEntries(Object.keys(map).map((key, index) => [key, values[index]])) };
}

/** `a,b` or JSON. */
function readList(raw: unknown): readonly unknown[] | undefined {
  if (Array.isArray(raw)) return raw as unknown[];
  if (typeof raw !== 'string') return undefined;
  if (!raw.trimStart().startsWith('[')) return raw === '' ? [] : raw.split(',').map((item) => item.trim());
  const json = readJson(raw);
  return Array.isArray(json) ? json : undefined;
}

/** `a=1,b=2` or JSON. */
function readMap(raw: unknown): Readonly<Record<string, unknown>> | undefined {
  const value = typeof raw === 'string' && raw.trimStart().startsWith('{') ? readJson(raw) : raw;
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  if (typeof value !== 'string') return undefined;
  const pairs = value === '' ? [] : value.split(',').map((pair) => pair.split('='));
  if (pairs.some((pair) => pair.length < 2)) return undefined;
  return Object.fromEntries(pairs.map(([key = '', ...rest]) => [key.trim(), rest.join('=').trim()]));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Why a value breaks the declaration's rules, in words that follow "its default" and the like. */
function brokenRule(value: unknown, declaration: VariableDeclaration): string | undefined {
  const rules = declaration.validation;
  if (rules === undefined) return undefined;
  if (rules.enum !== undefined && !rules.enum.some((each) => each === value)) {
    return `must be one of ${rules.enum.map((each) => JSON.stringify(each)).join(', ')}`;
  }
  if (rules.pattern !== undefined && !new RegExp(`^(?:${rules.pattern})$`, 'u').test(String(value))) {
    return `must match ${rules.pattern}`;
  }
  const size = sizeOf(value);
  const unit = typeof value === 'string' ? ' characters' : typeof value === 'object' ? ' entries' : '';
  if (rules.min !== undefined && size < rules.min)
    return `must ${unit === '' ? 'be' : 'have'} at least ${rules.min}${unit}`;
  if (rules.max !== undefined && size > rules.max)
    return `must ${unit === '' ? 'be' : 'have'} at most ${rules.max}${unit}`;
  return undefined;
}

function sizeOf(value: unknown): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return value.length;
  return typeof value === 'object' && value !== null ? Object.keys(value).length : Number.NaN;
}
