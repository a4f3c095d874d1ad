import { FailureError, type Result, unreachable } from '../../../diagnostics/failure.ts';
import type { Conditional, Expression, NumberLiteral, ObjectExpression, Variable } from '../syntax/ast.ts';
import { ArithmeticError, BigFloat } from '../values/big-float.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { BOOL, DYNAMIC, STRING, type Type, describeType } from '../values/type.ts';
import { unifyTypes } from '../values/unify.ts';
import {
  UNKNOWN,
  type Value,
  boolValue,
  markSensitive,
  nullValue,
  numberValue,
  objectValue,
  tupleValue,
  unknownValue,
} from '../values/value.ts';
import { evaluateAttribute, evaluateIndex, evaluateSplat } from './access.ts';
import { evaluateCall } from './call.ts';
import { type EvaluationContext, captureEvaluation, failAt } from './context.ts';
import { evaluateFor } from './for.ts';
import { didYouMean } from './did-you-mean.ts';
import { evaluateBinary, evaluateUnary } from './operators.ts';
import { evaluateTemplate } from './template.ts';

/** The value of an expression. Fails with places and hints; never throws for what a template can hold. */
export function evaluateExpression(expression: Expression, context: EvaluationContext): Result<Value> {
  return captureEvaluation(expression.span, () => evaluate(expression, context));
}

/**
 * As `evaluateExpression`, for use inside the evaluator: throws `FailureError`.
 * HCL native syntax specification, "Expressions".
 */
export function evaluate(expression: Expression, context: EvaluationContext): Value {
  switch (expression.type) {
    case 'number':
      return evaluateNumber(expression);
    case 'keyword':
      return expression.value === null ? nullValue() : boolValue(expression.value);
    case 'template':
      return evaluateTemplate(expression, context);
    case 'template-wrap':
    case 'parentheses':
      return evaluate(expression.inner, context);
    case 'tuple':
      return tupleValue(expression.items.map((item) => evaluate(item, context)));
    case 'object':
      return evaluateObject(expression, context);
    case 'for-expression':
      return evaluateFor(expression, context);
    case 'conditional':
      return evaluateConditional(expression, context);
    case 'binary':
      return evaluateBinary(expression, context);
    case 'unary':
      return evaluateUnary(expression, context);
    case 'splat':
      return evaluateSplat(expression, context);
    case 'index':
      return evaluateIndex(expression, context);
    case 'attribute-access':
      return evaluateAttribute(expression, context);
    case 'variable':
      return evaluateVariable(expression, context);
    case 'call':
      return evaluateCall(expression, context);
    case 'scoped':
      return evaluate(expression.inner, { ...context, variables: context.variables.with(expression.names) });
    default:
      return unreachable(expression);
  }
}

function evaluateNumber(expression: NumberLiteral): Value {
  try {
    return numberValue(BigFloat.parse(expression.text) ?? failAt(expression.span, 'Invalid number.'));
  } catch (error) {
    if (!(error instanceof ArithmeticError)) throw error;
    return failAt(expression.span, `Invalid number literal: ${error.message}.`);
  }
}

function evaluateVariable(expression: Variable, context: EvaluationContext): Value {
  const value = context.variables.lookup(expression.name);
  if (value !== undefined) return value;
  if (context.variables.isEmpty())
    return failAt(expression.span, 'Variables not allowed: variables may not be used here.', {
      reason: 'variable-unknown',
    });
  return failAt(expression.span, `Unknown variable: there is no variable named "${expression.name}".`, {
    reason: 'variable-unknown',
    ...didYouMean(expression.name, context.variables.names()),
  });
}

function evaluateObject(expression: ObjectExpression, context: EvaluationContext): Value {
  const entries = new Map<string, Value>();
  let unknownKey = false;
  let sensitiveKey = false;
  for (const item of expression.items) {
    const key = evaluate(item.key, context);
    const value = evaluate(item.value, context);
    if (key.data === null) failAt(item.key.span, "Null value as key: can't use a null value as a key.");
    if (key.data === UNKNOWN) unknownKey = true;
    else entries.set(keyText(key, item.key), value);
    sensitiveKey ||= key.sensitive;
  }
  return markSensitive(unknownKey ? unknownValue() : objectValue(entries), sensitiveKey);
}

/** A key as text. */
export function keyText(key: Value, expression: Expression): string {
  try {
    const text = convertValue(key, STRING).data;
    if (typeof text === 'string') return text;
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
  }
  return failAt(
    expression.span,
    `Incorrect key type: can't use this value as a key: a string is required, not ${describeType(key.type)}.`,
  );
}

/** Both sides are evaluated for their types; a failure counts only on the side that is chosen. */
function evaluateConditional(expression: Conditional, context: EvaluationContext): Value {
  const condition = evaluateCondition(expression.condition, context);
  if (condition.data === UNKNOWN) {
    const whenTrue = evaluate(expression.whenTrue, context);
    const otherwise = evaluate(expression.otherwise, context);
    const type = commonType(expression, whenTrue, otherwise);
    return markSensitive(
      unknownValue(type),
      condition.sensitive || whenTrue.sensitive || otherwise.sensitive,
    );
  }
  const [chosen, other] =
    condition.data === true
      ? [expression.whenTrue, expression.otherwise]
      : [expression.otherwise, expression.whenTrue];
  const value = evaluate(chosen, context);
  const alternative = evaluateOrNothing(other, context);
  const type = alternative === undefined ? value.type : commonType(expression, value, alternative);
  return markSensitive(convertValue(value, type), condition.sensitive);
}

function evaluateCondition(expression: Expression, context: EvaluationContext): Value {
  const value = evaluate(expression, context);
  if (value.data === null)
    failAt(expression.span, 'Null condition: the condition value is null; it must be true or false.');
  try {
    return convertValue(value, BOOL);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    return failAt(
      expression.span,
      `Incorrect condition type: the condition must be of type bool: ${error.message}.`,
    );
  }
}

function evaluateOrNothing(expression: Expression, context: EvaluationContext): Value | undefined {
  try {
    return evaluate(expression, context);
  } catch (error) {
    if (error instanceof FailureError) return undefined;
    throw error;
  }
}

function commonType(expression: Conditional, left: Value, right: Value): Type {
  if (left.type.kind === 'dynamic' && left.data === null) return right.type;
  if (right.type.kind === 'dynamic' && right.data === null) return left.type;
  const type = unifyTypes([left.type, right.type]);
  if (type !== undefined) return type.kind === 'dynamic' ? DYNAMIC : type;
  return failAt(
    expression.span,
    `Inconsistent conditional result types: the true and false results must have consistent types, not ${describeType(left.type)} and ${describeType(right.type)}.`,
  );
}
