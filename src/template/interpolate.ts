import type { Failure } from '../diagnostics/failure.ts';
import { nearestName } from '../diagnostics/nearest-name.ts';
import { lateValue } from '../model/late-value.ts';
import { describeValue } from '../schema/issues.ts';
import type { Locator } from '../schema/locator.ts';
import type { PropertyPath } from '../schema/property-path.ts';
import { leak, SecretMark } from './secret-mark.ts';

/** Values by namespace: `var`, `matrix`, `pipeline`. */
export type Scope = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Stands for a value that could not be found; the failure is told already, so what follows from it is not. */
const UNRESOLVED = Symbol('unresolved');

/** Whether any part of a value stands for one that could not be found. */
export const isUnresolved = (value: unknown): boolean => someValue(value, (part) => part === UNRESOLVED);

/** Whether a value or anything in it is what `test` looks for. Makes nothing, because it runs over every option. */
export function someValue(value: unknown, test: (part: unknown) => boolean): boolean {
  if (test(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  for (const key in value) {
    if (someValue((value as Readonly<Record<string, unknown>>)[key], test)) return true;
  }
  return false;
}

/**
 * `$${` is the escape. A reference always has a dot, which a shell's `${NAME}` never has, so scripts in templates need
 * no escaping.
 */
const REFERENCE = /\$\$\{|\$\{\s*([A-Za-z_][\w-]*)\.([A-Za-z_][\w.-]*)\s*\}/g;
const WHOLE = /^\$\{\s*([A-Za-z_][\w-]*)\.([A-Za-z_][\w.-]*)\s*\}$/;

export interface InterpolateContext {
  readonly scope: Scope;
  readonly locate: Locator;
  /** Failures are put here; the text stays as it is. */
  readonly failures: Failure[];
  /** A sensitive variable within a text leaves a stand-in there; whether that may be is looked at later. */
  readonly standIns?: boolean;
}

/**
 * A copy of `value` with the references in all its texts replaced. A text that is one reference takes the value with
 * its type. What cannot be found becomes `UNRESOLVED`; so do `undefined` values, whose failure was told before.
 */
export function interpolate(value: unknown, context: InterpolateContext, path: PropertyPath = []): unknown {
  if (typeof value === 'string') return value.includes('${') ? text(value, context, path) : value;
  if (Array.isArray(value)) return value.map((item, index) => interpolate(item, context, [...path, index]));
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, interpolate(item, context, [...path, key])]),
  );
}

function text(value: string, context: InterpolateContext, path: PropertyPath): unknown {
  const whole = WHOLE.exec(value);
  if (whole !== null) return lookUp(whole[1] ?? '', whole[2] ?? '', context, path);
  let complete = true;
  const give = (): string => {
    complete = false;
    return '';
  };
  const replaced = value.replaceAll(
    REFERENCE,
    (_, namespace: string | undefined, name: string | undefined) => {
      if (namespace === undefined || name === undefined) return '${';
      const found = lookUp(namespace, name, context, path);
      if (found instanceof SecretMark && context.standIns === true) return lateValue('secret', found.secret);
      if (found instanceof SecretMark) {
        context.failures.push({ ...leak(found.secret), origin: context.locate(path) });
        return give();
      }
      if (found === UNRESOLVED) return give();
      if (typeof found !== 'object') return String(found);
      context.failures.push({
        reason: 'template-invalid',
        message: `\${${namespace}.${name}} is ${describeValue(found)} and cannot be part of a text`,
        origin: context.locate(path),
        hint: 'Make it the whole value, or use a variable of another type.',
      });
      return give();
    },
  );
  return complete ? replaced : UNRESOLVED;
}

function lookUp(namespace: string, name: string, context: InterpolateContext, path: PropertyPath): unknown {
  const values = Object.hasOwn(context.scope, namespace) ? context.scope[namespace] : undefined;
  if (values !== undefined && Object.hasOwn(values, name)) return values[name] ?? UNRESOLVED;
  const candidates = values === undefined ? Object.keys(context.scope) : Object.keys(values);
  const near = nearestName(values === undefined ? namespace : name, candidates);
  const hint =
    near !== undefined
      ? `did you mean \${${values === undefined ? `${near}.${name}` : `${namespace}.${near}`}}?`
      : values === undefined
        ? `A reference begins with ${candidates.join(', ')}. Write $\${ for a plain \${.`
        : namespace === 'var'
          ? `Declare it under \`variables\`.`
          : undefined;
  context.failures.push({
    reason: namespace === 'var' ? 'variable-unknown' : 'template-invalid',
    message: `unknown reference \${${namespace}.${name}}`,
    origin: context.locate(path),
    ...(hint === undefined ? {} : { hint }),
  });
  return UNRESOLVED;
}
