import { FailureError } from '../../../diagnostics/failure.ts';
import { type FunctionDefinition, FunctionError, type Parameter } from '../functions/function.ts';
import type { Call, Expression } from '../syntax/ast.ts';
import { ArithmeticError } from '../values/big-float.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { UNKNOWN, type Value, itemsOf, markSensitive, unknownValue } from '../values/value.ts';
import { type EvaluationContext, failAt } from './context.ts';
import { evaluate } from './evaluate.ts';
import { didYouMean } from './did-you-mean.ts';
import { SPECIAL_FORMS } from './special-forms.ts';

interface Argument {
  readonly value: Value;
  readonly expression: Expression;
}

/** Calls a function: arguments are counted, converted and checked against its parameters before. */
export function evaluateCall(call: Call, context: EvaluationContext): Value {
  const special = SPECIAL_FORMS.get(call.name);
  if (special !== undefined) return special(call, context);
  const definition = context.functions.get(call.name);
  if (definition === undefined) {
    failAt(call.nameSpan, `Call to unknown function: there is no function named "${call.name}".`, {
      ...didYouMean(call.name, [...context.functions.keys(), ...SPECIAL_FORMS.keys()]),
    });
  }
  const args = readArguments(call, context);
  if (args === undefined) return unknownValue(definition.returns);
  checkCount(call, definition, args.length);
  return callFunction(call, definition, args, context);
}

/** Undefined when the expanded last argument is not known yet. */
function readArguments(call: Call, context: EvaluationContext): Argument[] | undefined {
  const args: Argument[] = [];
  for (const [index, expression] of call.arguments.entries()) {
    const value = evaluate(expression, context);
    if (!call.expandLast || index < call.arguments.length - 1) {
      args.push({ value, expression });
      continue;
    }
    if (value.data === UNKNOWN) return undefined;
    const items = itemsOf(value);
    if (items === undefined) {
      failAt(
        expression.span,
        'Invalid expanding argument value: the expanding argument must be a list, set or tuple.',
      );
    }
    for (const item of items) args.push({ value: item, expression });
  }
  return args;
}

function checkCount(call: Call, definition: FunctionDefinition, count: number): void {
  const { parameters, rest } = definition;
  const missing = parameters[count];
  const expected = `Function "${call.name}" expects ${rest === undefined ? '' : 'at least '}${parameters.length} argument(s)`;
  if (missing !== undefined)
    failAt(call.span, `Not enough function arguments: ${expected}. Missing value for "${missing.name}".`);
  const extra = call.arguments[parameters.length];
  if (rest === undefined && count > parameters.length)
    failAt(extra?.span ?? call.span, `Too many function arguments: ${expected}.`);
}

function callFunction(
  call: Call,
  definition: FunctionDefinition,
  args: readonly Argument[],
  context: EvaluationContext,
): Value {
  const values: Value[] = [];
  let unknown = false;
  for (const [index, argument] of args.entries()) {
    const parameter = definition.parameters[index] ?? definition.rest;
    if (parameter === undefined) continue;
    const value = convertArgument(parameter, argument);
    unknown ||= parameter.allowUnknown !== true && !value.whollyKnown;
    values.push(value);
  }
  const sensitive = values.some((value) => value.sensitive);
  if (unknown) return markSensitive(unknownValue(definition.returns), sensitive);
  try {
    return markSensitive(definition.call(values, context.world), sensitive);
  } catch (error) {
    return failCall(call, definition, args, error);
  }
}

function convertArgument(parameter: Parameter, { value, expression }: Argument): Value {
  const fail = (why: string): never =>
    failAt(
      expression.span,
      `Invalid function argument: invalid value for "${parameter.name}" parameter: ${why}.`,
    );
  if (value.data === null && parameter.allowNull !== true) return fail('argument must not be null');
  try {
    return convertValue(value, parameter.type);
  } catch (error) {
    if (error instanceof ConversionError) return fail(error.message);
    throw error;
  }
}

function failCall(
  call: Call,
  definition: FunctionDefinition,
  args: readonly Argument[],
  error: unknown,
): never {
  if (error instanceof FailureError) throw error;
  if (error instanceof FunctionError && error.argument !== undefined) {
    const name = (definition.parameters[error.argument] ?? definition.rest)?.name ?? '';
    const span = args[error.argument]?.expression.span ?? call.span;
    failAt(span, `Invalid function argument: invalid value for "${name}" parameter: ${error.message}.`);
  }
  if (
    error instanceof FunctionError ||
    error instanceof ConversionError ||
    error instanceof ArithmeticError
  ) {
    failAt(call.span, `Error in function call: call to function "${call.name}" failed: ${error.message}.`);
  }
  throw error;
}
