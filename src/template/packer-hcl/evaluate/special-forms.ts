import { FailureError } from '../../../diagnostics/failure.ts';
import type { Call } from '../syntax/ast.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { BOOL } from '../values/type.ts';
import { parseType } from '../values/type-expression.ts';
import { FALSE, TRUE, type Value, unknownValue } from '../values/value.ts';
import { type EvaluationContext, failAt } from './context.ts';
import { evaluate } from './evaluate.ts';

/** Functions that take expressions, not values: they decide themselves what is evaluated and what may fail. */
export const SPECIAL_FORMS: ReadonlyMap<string, (call: Call, context: EvaluationContext) => Value> = new Map([
  ['try', evaluateTry],
  ['can', evaluateCan],
  ['convert', evaluateConvert],
]);

/** `try(a, b, …)`: the first that can be evaluated. */
function evaluateTry(call: Call, context: EvaluationContext): Value {
  if (call.arguments.length === 0)
    failAt(call.span, 'Error in function call: "try" needs at least one argument.');
  const failed: string[] = [];
  for (const expression of call.arguments) {
    try {
      const value = evaluate(expression, context);
      return value.whollyKnown ? value : unknownValue();
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      failed.push(...error.failures.map((failure) => failure.message));
    }
  }
  return failAt(call.span, `Error in function call: no expression of "try" succeeded: ${failed.join(' ')}`);
}

/** `can(a)`: whether it can be evaluated. */
function evaluateCan(call: Call, context: EvaluationContext): Value {
  const [expression] = call.arguments;
  if (expression === undefined || call.arguments.length > 1)
    failAt(call.span, 'Error in function call: "can" needs one argument.');
  try {
    return evaluate(expression, context).whollyKnown ? TRUE : unknownValue(BOOL);
  } catch (error) {
    if (error instanceof FailureError) return FALSE;
    throw error;
  }
}

/** `convert(value, type)`: the second argument is a type, not a value. */
function evaluateConvert(call: Call, context: EvaluationContext): Value {
  const [expression, typeExpression] = call.arguments;
  if (expression === undefined || typeExpression === undefined || call.arguments.length > 2) {
    failAt(call.span, 'Error in function call: "convert" needs a value and a type.');
  }
  const type = parseType(typeExpression, { constraint: true });
  try {
    return convertValue(evaluate(expression, context), type);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    return failAt(
      expression.span,
      `Invalid function argument: invalid value for "value" parameter: ${error.message}.`,
    );
  }
}
