import type { Expression, ForExpression } from '../syntax/ast.ts';
import { BigFloat } from '../values/big-float.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { BOOL, describeType } from '../values/type.ts';
import {
  UNKNOWN,
  type Value,
  entriesOf,
  itemsOf,
  markSensitive,
  numberValue,
  objectValue,
  stringValue,
  tupleValue,
  unknownValue,
} from '../values/value.ts';
import { type EvaluationContext, countTurns, failAt } from './context.ts';
import { evaluate, keyText } from './evaluate.ts';

/** Keys and values of a collection in order; undefined when it is unknown. Fails for what has no items. */
export function iterate(
  collection: Value,
  expression: Expression,
): readonly (readonly [Value, Value])[] | undefined {
  if (collection.data === UNKNOWN) return undefined;
  if (collection.data === null)
    failAt(
      expression.span,
      "Iteration over null value: a null value cannot be used as the collection of a 'for' expression.",
    );
  const items = itemsOf(collection);
  const entries = items === undefined ? entriesOf(collection) : undefined;
  countTurns(items?.length ?? entries?.size ?? 0, expression.span);
  if (items !== undefined) {
    const isSet = collection.type.kind === 'set';
    return items.map((item, index) => [isSet ? item : numberValue(BigFloat.integer(index)), item]);
  }
  if (entries !== undefined) return [...entries].map(([key, item]) => [stringValue(key), item]);
  return failAt(
    expression.span,
    `Iteration over non-iterable value: a value of type ${describeType(collection.type)} cannot be used as the collection of a 'for' expression.`,
  );
}

/** The context of one turn of a loop. */
export function bindNames(
  loop: { readonly keyName: string | undefined; readonly valueName: string },
  key: Value,
  value: Value,
  context: EvaluationContext,
): EvaluationContext {
  const names = new Map([[loop.valueName, value]]);
  if (loop.keyName !== undefined) names.set(loop.keyName, key);
  return { ...context, variables: context.variables.with(names) };
}

/** A tuple or object made of a collection. HCL native syntax specification, "For expressions". */
export function evaluateFor(expression: ForExpression, context: EvaluationContext): Value {
  const collection = evaluate(expression.collection, context);
  const pairs = iterate(collection, expression.collection);
  if (pairs === undefined) return markSensitive(unknownValue(), collection.sensitive);
  const build = new Building(expression);
  build.sensitive = collection.sensitive;
  for (const [key, value] of pairs) {
    const inner = bindNames(expression, key, value, context);
    if (expression.condition !== undefined) {
      const kept = isKept(expression.condition, inner);
      build.sensitive ||= kept.sensitive;
      if (kept.data === UNKNOWN) build.known = false;
      if (kept.data !== true) continue;
    }
    build.add(inner);
  }
  return build.result();
}

function isKept(condition: Expression, context: EvaluationContext): Value {
  const value = evaluate(condition, context);
  if (value.data === null)
    failAt(condition.span, "Condition is null: the 'if' clause of a 'for' expression must be true or false.");
  try {
    return convertValue(value, BOOL);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    return failAt(
      condition.span,
      `Invalid 'for' condition: the 'if' clause value is invalid: ${error.message}.`,
    );
  }
}

class Building {
  known = true;
  sensitive = false;
  readonly #expression: ForExpression;
  readonly #items: Value[] = [];
  readonly #entries = new Map<string, Value>();
  readonly #groups = new Map<string, Value[]>();

  constructor(expression: ForExpression) {
    this.#expression = expression;
  }

  add(context: EvaluationContext): void {
    const { key: keyExpression, value: valueExpression, group } = this.#expression;
    const value = evaluate(valueExpression, context);
    if (keyExpression === undefined) {
      this.#items.push(value);
      return;
    }
    const keyValue = evaluate(keyExpression, context);
    this.sensitive ||= keyValue.sensitive;
    if (keyValue.data === null)
      failAt(keyExpression.span, "Invalid object key: the key of a 'for' expression must not be null.");
    if (keyValue.data === UNKNOWN) {
      this.known = false;
      return;
    }
    const key = keyText(keyValue, keyExpression);
    if (group) {
      const members = this.#groups.get(key) ?? [];
      members.push(value);
      this.#groups.set(key, members);
    } else if (this.#entries.has(key)) {
      failAt(
        keyExpression.span,
        `Duplicate object key: two different items produced the key ${JSON.stringify(key)} in this 'for' expression.`,
        {
          hint: 'If duplicates are expected, use the ellipsis (...) after the value expression to group values by key.',
        },
      );
    } else {
      this.#entries.set(key, value);
    }
  }

  result(): Value {
    return markSensitive(this.known ? this.#known() : unknownValue(), this.sensitive);
  }

  #known(): Value {
    if (this.#expression.key === undefined) return tupleValue(this.#items);
    if (!this.#expression.group) return objectValue(this.#entries);
    return objectValue(new Map([...this.#groups].map(([key, members]) => [key, tupleValue(members)])));
  }
}
