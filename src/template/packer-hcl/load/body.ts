import { type Failure, FailureError } from '../../../diagnostics/failure.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { type EvaluationContext, captureEvaluation } from '../evaluate/context.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Attribute, Block, Body } from '../syntax/ast.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { BOOL, STRING, type Type } from '../values/type.ts';

/** Collects what is wrong with a template while reading goes on. */
export class Problems {
  readonly failures: Failure[] = [];
  readonly warnings: Failure[] = [];

  add(failure: Failure): void {
    this.failures.push(failure);
  }

  /** Runs a part of the reading; what it throws for the user is noted and gives undefined. */
  attempt<T>(body: () => T): T | undefined {
    try {
      return body();
    } catch (error) {
      if (!(error instanceof FailureError)) throw error;
      this.failures.push(...error.failures);
      return undefined;
    }
  }
}

export interface BodyShape {
  readonly attributes: readonly string[];
  readonly blocks?: readonly string[];
}

/** The attributes of a body by name. Notes every attribute and block that the shape does not have. */
export function readBody(body: Body, shape: BodyShape, problems: Problems): ReadonlyMap<string, Attribute> {
  const attributes = new Map<string, Attribute>();
  const blocks = shape.blocks ?? [];
  for (const item of body.items) {
    if (item.type === 'attribute' && shape.attributes.includes(item.name)) attributes.set(item.name, item);
    else if (item.type !== 'block' || !blocks.includes(item.name)) {
      const what = item.type === 'block' ? 'block type' : 'argument';
      const verb =
        item.type === 'block' ? `Blocks of type "${item.name}" are` : `An argument named "${item.name}" is`;
      problems.add({
        reason: 'unknown-option',
        message: `Unsupported ${what}: ${verb} not expected here.`,
        origin: item.nameSpan.range,
        ...didYouMean(item.name, item.type === 'block' ? blocks : shape.attributes),
      });
    }
  }
  return attributes;
}

/** Whether a block has as many labels as its type wants; notes it when not. */
export function hasLabels(block: Block, names: readonly string[], problems: Problems): boolean {
  if (block.labels.length === names.length) return true;
  const missing = names[block.labels.length];
  const message =
    missing === undefined
      ? `Extraneous label for ${block.name}: ${names.length === 0 ? 'no labels are' : `only ${names.length} labels (${names.join(', ')}) are`} expected for ${block.name} blocks.`
      : `Missing ${missing} for ${block.name}: all ${block.name} blocks must have ${names.length} labels (${names.join(', ')}).`;
  problems.add({ reason: 'template-syntax', message, origin: block.headerSpan.range });
  return false;
}

function typed(attribute: Attribute, type: Type, context: EvaluationContext): unknown {
  const result = captureEvaluation(attribute.value.span, () => evaluate(attribute.value, context));
  if (!result.ok) throw new FailureError(...result.failures);
  try {
    return convertValue(result.value, type).data;
  } catch (error) {
    if (!(error instanceof ConversionError)) throw error;
    const message = `Unsuitable value type: unsuitable value for "${attribute.name}": ${error.message}.`;
    throw new FailureError({ reason: 'template-invalid', message, origin: attribute.value.span.range });
  }
}

/** The text of an attribute; undefined when it is left out, null or not known yet. Throws `FailureError`. */
export function textAttribute(
  attribute: Attribute | undefined,
  context: EvaluationContext,
): string | undefined {
  const data = attribute === undefined ? undefined : typed(attribute, STRING, context);
  return typeof data === 'string' ? data : undefined;
}

/** The truth of an attribute; false when it is left out. Throws `FailureError`. */
export function boolAttribute(attribute: Attribute | undefined, context: EvaluationContext): boolean {
  return attribute !== undefined && typed(attribute, BOOL, context) === true;
}
