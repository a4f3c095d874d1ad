import { FailureError } from '../../../diagnostics/failure.ts';
import type { Call, Expression, ObjectExpression } from '../syntax/ast.ts';
import { BOOL, DYNAMIC, NUMBER, STRING, type Type, listOf, mapOf, setOf } from './type.ts';
import type { Value } from './value.ts';

const KEYWORDS: Readonly<Record<string, Type>> = { string: STRING, number: NUMBER, bool: BOOL };
const COLLECTIONS: Readonly<Record<string, (element: Type) => Type>> = {
  list: listOf,
  set: setOf,
  map: mapOf,
};

export interface TypeOptions {
  /** `any` and `optional(…)` are allowed: the type of a variable, not of a value. */
  readonly constraint: boolean;
  /** Evaluates the default of an optional attribute. */
  readonly evaluateDefault?: (expression: Expression) => Value;
}

/**
 * Reads a type such as `list(object({ name = string, size = optional(number, 8) }))`. Throws `FailureError` with
 * the place that is no type. HCL "typeexpr" extension.
 */
export function parseType(expression: Expression, options: TypeOptions): Type {
  if (expression.type === 'parentheses' || expression.type === 'template-wrap')
    return parseType(expression.inner, options);
  if (expression.type === 'variable') return parseKeyword(expression, expression.name, options);
  if (expression.type === 'call') return parseConstructor(expression, options);
  const quoted =
    expression.type === 'template' && expression.parts.length === 1 ? expression.parts[0] : undefined;
  if (quoted?.type === 'text') {
    const type = KEYWORDS[quoted.value];
    if (type !== undefined) return type;
    if (quoted.value === 'any' && options.constraint) return DYNAMIC;
  }
  return failType(
    expression,
    'a type specification is either a primitive type keyword (bool, number, string) or a complex type constructor call, like list(string)',
  );
}

function failType(expression: Expression, why: string): never {
  throw new FailureError({
    reason: 'template-invalid',
    message: `Invalid type specification: ${why}.`,
    origin: expression.span.range,
  });
}

function parseKeyword(expression: Expression, name: string, options: TypeOptions): Type {
  const type = Object.hasOwn(KEYWORDS, name) ? KEYWORDS[name] : undefined;
  if (type !== undefined) return type;
  if (name === 'any')
    return options.constraint
      ? DYNAMIC
      : failType(expression, 'the keyword "any" cannot be used here: an exact type is required');
  if (Object.hasOwn(COLLECTIONS, name))
    failType(
      expression,
      `the ${name} type constructor requires one argument, the element type, like ${name}(string)`,
    );
  if (name === 'object')
    failType(
      expression,
      'the object type constructor requires one argument, the attribute names and types, like object({ name = string })',
    );
  if (name === 'tuple')
    failType(
      expression,
      'the tuple type constructor requires one argument, a list of types, like tuple([string, number])',
    );
  return failType(expression, `the keyword "${name}" is not a valid type specification`);
}

function parseConstructor(call: Call, options: TypeOptions): Type {
  const [argument] = call.arguments;
  const collection = Object.hasOwn(COLLECTIONS, call.name) ? COLLECTIONS[call.name] : undefined;
  const known = collection !== undefined || call.name === 'object' || call.name === 'tuple';
  if (call.name === 'optional')
    failType(call, 'the "optional" modifier is only for attributes of an object type');
  if (!known) failType(call, `"${call.name}" is not a type constructor`);
  if (argument === undefined || call.arguments.length !== 1) {
    failType(call, `the ${call.name} type constructor requires exactly one argument`);
  }
  if (collection !== undefined) return collection(parseType(argument, options));
  if (call.name === 'tuple') {
    if (argument.type !== 'tuple') failType(argument, 'the tuple type constructor requires a list of types');
    return { kind: 'tuple', elements: argument.items.map((item) => parseType(item, options)) };
  }
  if (argument.type !== 'object')
    failType(argument, 'the object type constructor requires a map of attribute names to types');
  return parseObjectType(argument, options);
}

function parseObjectType(object: ObjectExpression, options: TypeOptions): Type {
  const attributes = new Map<string, Type>();
  const optional = new Map<string, Value | undefined>();
  for (const { key, value } of object.items) {
    const name = literalKey(key);
    if (value.type !== 'call' || value.name !== 'optional') {
      attributes.set(name, parseType(value, options));
      continue;
    }
    const [type, fallback] = value.arguments;
    if (!options.constraint) failType(value, 'the "optional" modifier cannot be used here');
    if (type === undefined || value.arguments.length > 2)
      failType(value, 'the "optional" modifier requires a type and, if wanted, a default value');
    attributes.set(name, parseType(type, options));
    optional.set(name, fallback === undefined ? undefined : options.evaluateDefault?.(fallback));
  }
  return { kind: 'object', attributes, ...(optional.size > 0 && { optional }) };
}

function literalKey(key: Expression): string {
  const part = key.type === 'template' && key.parts.length === 1 ? key.parts[0] : undefined;
  return part?.type === 'text' ? part.value : failType(key, 'object attribute names must be plain words');
}
