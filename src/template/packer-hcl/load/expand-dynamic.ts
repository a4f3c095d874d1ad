import { FailureError } from '../../../diagnostics/failure.ts';
import { type EvaluationContext, captureEvaluation } from '../evaluate/context.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Attribute, Block, Body, BodyItem, Expression, Label } from '../syntax/ast.ts';
import { isIdentifier } from '../syntax/token.ts';
import { describeType } from '../values/type.ts';
import { UNKNOWN, type Value, entriesOf, itemsOf, objectValue, stringValue } from '../values/value.ts';
import { BigFloat } from '../values/big-float.ts';
import { numberValue } from '../values/value.ts';
import { type Problems, readBody } from './body.ts';

type Names = ReadonlyMap<string, Value>;
const NO_NAMES: Names = new Map();
const DYNAMIC = { attributes: ['for_each', 'iterator', 'labels'], blocks: ['content'] };

/**
 * The body with every `dynamic "x" { … }` block replaced by the blocks that it stands for. A collection that is not
 * known yet gives none. HCL "dynblock" extension.
 */
function expandDynamic(body: Body, context: EvaluationContext, problems: Problems): Body {
  return hasDynamic(body) ? expand(body, NO_NAMES, { context, problems, made: { count: 0 } }) : body;
}

/** A block with its body expanded. */
export function expandBlock(block: Block, context: EvaluationContext, problems: Problems): Block {
  const body = expandDynamic(block.body, context, problems);
  return body === block.body ? block : { ...block, body };
}

const hasDynamic = (body: Body): boolean =>
  body.items.some((item) => item.type === 'block' && (item.name === 'dynamic' || hasDynamic(item.body)));

interface Work {
  readonly context: EvaluationContext;
  readonly problems: Problems;
  /** Blocks made so far; dynamic blocks in dynamic blocks multiply. */
  readonly made: { count: number };
}

const MAX_BLOCKS = 10_000;

function expand(body: Body, names: Names, work: Work): Body {
  return { ...body, items: body.items.flatMap((item) => expandItem(item, names, work)) };
}

function expandItem(item: BodyItem, names: Names, work: Work): BodyItem[] {
  if (item.type === 'attribute') return [{ ...item, value: scoped(item.value, names) }];
  if (item.name !== 'dynamic') return [{ ...item, body: expand(item.body, names, work) }];
  return work.problems.attempt(() => repeat(item, names, work)) ?? [];
}

const scoped = (inner: Expression, names: Names): Expression =>
  names.size === 0 ? inner : { type: 'scoped', span: inner.span, inner, names };

function repeat(block: Block, names: Names, work: Work): Block[] {
  // Too many were made, and it was said: nothing more is looked at.
  if (work.made.count > MAX_BLOCKS) return [];
  const [label] = block.labels;
  const attributes = readBody(block.body, DYNAMIC, work.problems);
  const forEach = attributes.get('for_each');
  const content = block.body.items.find((item) => item.type === 'block' && item.name === 'content');
  if (label === undefined || block.labels.length !== 1)
    return wrong(block, 'it must have one label, the type of the blocks to make');
  if (forEach === undefined)
    return wrong(block, 'the argument "for_each" is required, but no definition was found');
  if (content?.type !== 'block')
    return wrong(block, 'a content block is required, which holds the body of each block');
  const iterator = iteratorName(attributes.get('iterator')) ?? label.value;
  const collection = evaluateIn(forEach.value, names, work);
  const labels = attributes.get('labels');
  const elements = elementsOf(collection, forEach);
  work.made.count += elements.length;
  if (work.made.count > MAX_BLOCKS) return wrong(block, `a body may hold ${MAX_BLOCKS} blocks in all`);
  return elements.map(([key, value]) => {
    const inner = new Map([...names, [iterator, objectValue({ key, value })]]);
    return {
      ...block,
      name: label.value,
      nameSpan: label.span,
      headerSpan: block.headerSpan,
      labels: labels === undefined ? [] : labelsOf(labels, inner, work),
      body: expand(content.body, inner, work),
    };
  });
}

function wrong(block: Block, why: string): never {
  throw new FailureError({
    reason: 'template-invalid',
    message: `Invalid dynamic block: ${why}.`,
    origin: block.headerSpan.range,
  });
}

function iteratorName(attribute: Attribute | undefined): string | undefined {
  if (attribute === undefined) return undefined;
  const { value } = attribute;
  if (value.type === 'variable') return value.name;
  // The JSON form has no bare names.
  const text = value.type === 'template' && value.parts[0]?.type === 'text' ? value.parts[0].value : '';
  if (attribute.span.source.file.endsWith('.json') && isIdentifier(text)) return text;
  throw new FailureError({
    reason: 'template-invalid',
    message: 'Invalid expression: dynamic iterator must be a single variable name.',
    origin: attribute.value.span.range,
  });
}

function evaluateIn(expression: Expression, names: Names, work: Work): Value {
  const result = captureEvaluation(expression.span, () => evaluate(scoped(expression, names), work.context));
  if (!result.ok) throw new FailureError(...result.failures);
  return result.value;
}

function elementsOf(collection: Value, attribute: Attribute): readonly (readonly [Value, Value])[] {
  if (collection.data === UNKNOWN) return [];
  const items = itemsOf(collection);
  if (items !== undefined) {
    return items.map((item, index) => [
      collection.type.kind === 'set' ? item : numberValue(BigFloat.float(index)),
      item,
    ]);
  }
  const entries = entriesOf(collection);
  if (entries !== undefined) return [...entries].map(([key, value]) => [stringValue(key), value]);
  throw new FailureError({
    reason: 'template-invalid',
    message: `Invalid dynamic for_each value: cannot use a ${collection.data === null ? 'null' : describeType(collection.type)} value in for_each. An iterable collection is required.`,
    origin: attribute.value.span.range,
  });
}

function labelsOf(attribute: Attribute, names: Names, work: Work): Label[] {
  const values = itemsOf(evaluateIn(attribute.value, names, work)) ?? [];
  return values.map(({ data }) => {
    if (typeof data === 'string') return { span: attribute.value.span, value: data };
    throw new FailureError({
      reason: 'template-invalid',
      message: 'Invalid dynamic block label: labels must be strings that are known.',
      origin: attribute.value.span.range,
    });
  });
}
