import type { Template, TemplateFor, TemplateIf, TemplatePart } from '../syntax/ast.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { BOOL, STRING, describeType } from '../values/type.ts';
import { UNKNOWN, type Value, markSensitive, stringValue, unknownValue } from '../values/value.ts';
import { type EvaluationContext, failAt } from './context.ts';
import { evaluate } from './evaluate.ts';
import { bindNames, iterate } from './for.ts';

/** Longest text that a template may make, in UTF-16 units: a few locals that double each other reach any memory. */
const MAX_LENGTH = 2 ** 26;

interface Output {
  readonly chunks: string[];
  length: number;
  known: boolean;
  sensitive: boolean;
}

/** The string a template makes. HCL native syntax specification, "Templates". */
export function evaluateTemplate(template: Template, context: EvaluationContext): Value {
  const output: Output = { chunks: [], length: 0, known: true, sensitive: false };
  writeParts(template.parts, context, output);
  return markSensitive(
    output.known ? stringValue(output.chunks.join('')) : unknownValue(STRING),
    output.sensitive,
  );
}

function writeParts(parts: readonly TemplatePart[], context: EvaluationContext, output: Output): void {
  for (const part of parts) {
    if (part.type === 'text') output.chunks.push(part.value);
    else if (part.type === 'interpolation') writeValue(part, evaluate(part.value, context), output);
    else if (part.type === 'if') writeIf(part, context, output);
    else writeFor(part, context, output);
  }
}

function writeValue(part: TemplatePart & { type: 'interpolation' }, value: Value, output: Output): void {
  output.sensitive ||= value.sensitive;
  if (value.data === null) {
    failAt(
      part.value.span,
      'Invalid template interpolation value: the expression result is null, which a string template cannot include.',
    );
  }
  if (value.data === UNKNOWN) {
    output.known = false;
    return;
  }
  try {
    const text = String(convertValue(value, STRING).data);
    output.length += text.length;
    if (output.length > MAX_LENGTH) {
      failAt(part.value.span, `Too long text: a template may make texts of ${MAX_LENGTH} characters.`);
    }
    output.chunks.push(text);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    failAt(
      part.value.span,
      `Invalid template interpolation value: cannot include the given value in a string template: a string is required, not ${describeType(value.type)}.`,
      {
        hint: 'Use jsonencode() or join() to make it a string.',
      },
    );
  }
}

function writeIf(part: TemplateIf, context: EvaluationContext, output: Output): void {
  const value = evaluate(part.condition, context);
  output.sensitive ||= value.sensitive;
  if (value.data === null)
    failAt(part.condition.span, 'Null condition: the condition of an if directive must be true or false.');
  try {
    const { data } = convertValue(value, BOOL);
    if (data === UNKNOWN) output.known = false;
    else writeParts(data === true ? part.whenTrue : part.otherwise, context, output);
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    failAt(part.condition.span, `Incorrect condition type: ${error.message}.`);
  }
}

function writeFor(part: TemplateFor, context: EvaluationContext, output: Output): void {
  const collection = evaluate(part.collection, context);
  output.sensitive ||= collection.sensitive;
  const items = iterate(collection, part.collection);
  if (items === undefined) {
    output.known = false;
    return;
  }
  for (const [key, value] of items) writeParts(part.body, bindNames(part, key, value, context), output);
}
