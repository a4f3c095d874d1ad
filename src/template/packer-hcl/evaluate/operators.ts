import type { Binary, BinaryOperator, Expression, Unary } from '../syntax/ast.ts';
import { ArithmeticError, type BigFloat } from '../values/big-float.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { equalValues } from '../values/equal.ts';
import { BOOL, NUMBER, type Type } from '../values/type.ts';
import { UNKNOWN, type Value, boolValue, markSensitive, numberValue, unknownValue } from '../values/value.ts';
import { type EvaluationContext, failAt } from './context.ts';
import { evaluate } from './evaluate.ts';

/** Evaluates an operator with two operands. A logical operator skips its right side when the left decides. */
export function evaluateBinary(expression: Binary, context: EvaluationContext): Value {
  const { operator } = expression;
  const left = evaluate(expression.left, context);
  if (operator === '==' || operator === '!=') {
    const right = evaluate(expression.right, context);
    const equal = equalValues(left, right);
    const result = equal === undefined ? unknownValue(BOOL) : boolValue(equal === (operator === '=='));
    return markSensitive(result, left.sensitive || right.sensitive);
  }
  if (operator === '&&' || operator === '||') return evaluateLogical(expression, operator, left, context);
  const a = operand(left, NUMBER, expression.left, 'left');
  const right = evaluate(expression.right, context);
  const b = operand(right, NUMBER, expression.right, 'right');
  const result =
    a.data === UNKNOWN || b.data === UNKNOWN
      ? unknownValue(isComparison(operator) ? BOOL : NUMBER)
      : calculate(expression, operator, a.data as BigFloat, b.data as BigFloat);
  return markSensitive(result, a.sensitive || b.sensitive);
}

function evaluateLogical(
  expression: Binary,
  operator: '&&' | '||',
  left: Value,
  context: EvaluationContext,
): Value {
  const a = operand(left, BOOL, expression.left, 'left');
  const decisive = operator === '||';
  if (a.data === decisive) return a;
  const right = evaluate(expression.right, context);
  const b = operand(right, BOOL, expression.right, 'right');
  const result = b.data === decisive ? b : a.data === UNKNOWN || b.data === UNKNOWN ? unknownValue(BOOL) : b;
  return markSensitive(result, a.sensitive || b.sensitive);
}

/** Evaluates `!x` and `-x`. */
export function evaluateUnary(expression: Unary, context: EvaluationContext): Value {
  const type = expression.operator === '!' ? BOOL : NUMBER;
  const value = operand(evaluate(expression.operand, context), type, expression.operand, 'unary');
  if (value.data === UNKNOWN) return value;
  const result =
    typeof value.data === 'boolean' ? boolValue(!value.data) : numberValue((value.data as BigFloat).negate());
  return markSensitive(result, value.sensitive);
}

function operand(value: Value, type: Type, expression: Expression, side: string): Value {
  const what = `Unsuitable value for ${side} operand`;
  if (value.data === null) failAt(expression.span, `Invalid operand: ${what}: it must not be null.`);
  try {
    return convertValue(value, type);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    return failAt(expression.span, `Invalid operand: ${what}: ${error.message}.`);
  }
}

function isComparison(operator: BinaryOperator): boolean {
  return operator === '<' || operator === '>' || operator === '<=' || operator === '>=';
}

function calculate(expression: Binary, operator: BinaryOperator, a: BigFloat, b: BigFloat): Value {
  try {
    switch (operator) {
      case '+':
        return numberValue(a.add(b));
      case '-':
        return numberValue(a.subtract(b));
      case '*':
        return numberValue(a.multiply(b));
      case '/':
        return numberValue(a.divide(b));
      case '%':
        return numberValue(a.remainder(b));
      case '<':
        return boolValue(a.compare(b) < 0);
      case '>':
        return boolValue(a.compare(b) > 0);
      case '<=':
        return boolValue(a.compare(b) <= 0);
      default:
        return boolValue(a.compare(b) >= 0);
    }
  } catch (error) {
    if (!(error instanceof ArithmeticError)) throw error;
    return failAt(expression.span, `Operation failed: ${error.message}.`);
  }
}
