import type { Failure } from '../../../diagnostics/failure.ts';
import { nearestName } from '../../../diagnostics/nearest-name.ts';
import type { ComponentOptions } from '../../packer-kinds/component.ts';
import type { OptionShape, OptionShapes } from '../../packer-kinds/shape.ts';
import { type EvaluationContext, captureEvaluation } from '../evaluate/context.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Attribute, Block, Body, BodyItem, Expression } from '../syntax/ast.ts';
import { ConversionError, convertValue } from '../values/convert.ts';
import { type Value, unknownValue } from '../values/value.ts';
import { toPlain } from './plain.ts';

/** What a body gives its kind. */
export interface DecodedBody {
  readonly options: ComponentOptions;
  /** Where each option was written. */
  readonly places: ReadonlyMap<string, Attribute | Block>;
  /** The values behind the options of the body itself: what will be known only later is unknown here. */
  readonly values: ReadonlyMap<string, Value>;
  readonly failures: readonly Failure[];
}

/** Reads the options of a body by their shapes: unknown ones, wrong types and missing values are failures. */
export function decodeBody(body: Body, shapes: OptionShapes, context: EvaluationContext): DecodedBody {
  const decoder = new Decoder(context);
  const options: Record<string, unknown> = {};
  const places = new Map<string, Attribute | Block>();
  const values = new Map<string, Value>();
  for (const item of body.items) {
    const shape = shapes.get(item.name);
    const earlier = places.get(item.name);
    if (earlier?.type === 'block') {
      decoder.report(
        `Duplicate ${item.name} block: only one block of type "${item.name}" is allowed.`,
        item,
        [{ message: 'The previous definition.', range: earlier.nameSpan.range }],
      );
      continue;
    }
    if (shape === undefined) decoder.unsupported(item, shapes);
    else if (item.type === 'block') options[item.name] = decoder.block(item, shape);
    else {
      const value = decoder.attribute(item, shape);
      if (value !== undefined) {
        options[item.name] = value.plain;
        values.set(item.name, value.value);
      }
    }
    places.set(item.name, item);
  }
  return { options, places, values, failures: decoder.failures };
}

class Decoder {
  readonly failures: Failure[] = [];
  readonly #context: EvaluationContext;

  constructor(context: EvaluationContext) {
    this.#context = context;
  }

  report(message: string, item: BodyItem, related?: Failure['related']): void {
    this.failures.push({
      reason: 'template-invalid',
      message,
      origin: item.nameSpan.range,
      ...(related && { related }),
    });
  }

  unsupported(item: BodyItem, shapes: OptionShapes): void {
    const wanted = (kind: OptionShape['kind']): string[] =>
      [...shapes].filter(([, shape]) => shape.kind === kind).map(([name]) => name);
    const names = item.type === 'block' ? wanted('block') : wanted('value');
    const json = item.span.source.file.endsWith('.json');
    const what = json
      ? `Extraneous JSON object property: No argument or block type is named "${item.name}".`
      : item.type === 'block'
        ? `Unsupported block type: blocks of type "${item.name}" are not expected here.`
        : `Unsupported argument: an argument named "${item.name}" is not expected here.`;
    this.failures.push({
      reason: 'unknown-option',
      message: what,
      origin: item.nameSpan.range,
      ...didYouMean(item.name, nearestName(item.name, names) === undefined ? shapes.keys() : names),
    });
  }

  block(block: Block, shape: OptionShape): unknown {
    if (shape.kind === 'value') {
      this.failures.push({
        reason: 'unknown-option',
        message: `Unsupported block type: blocks of type "${block.name}" are not expected here.`,
        origin: block.nameSpan.range,
        hint: `Did you mean to define argument "${block.name}"? If so, use the equals sign to assign it a value.`,
      });
      return undefined;
    }
    const inner = decodeBody(block.body, shape.options, this.#context);
    this.failures.push(...inner.failures);
    return inner.options;
  }

  attribute(
    attribute: Attribute,
    shape: OptionShape,
  ): { readonly plain: unknown; readonly value: Value } | undefined {
    if (shape.kind === 'block') return this.#blockAttribute(attribute, shape);
    const value = this.#evaluate(attribute.value);
    if (value === undefined) return undefined;
    try {
      const converted = convertValue(value, shape.type);
      return { plain: toPlain(converted), value: converted };
    } catch (error) {
      if (!(error instanceof ConversionError)) throw error;
      this.failures.push({
        reason: 'template-invalid',
        message: `Incorrect attribute value type: inappropriate value for attribute "${attribute.name}": ${error.message}.`,
        origin: attribute.value.span.range,
      });
      return undefined;
    }
  }

  /** The JSON form writes a block as an object; the native form must use braces without an equals sign. */
  #blockAttribute(
    attribute: Attribute,
    shape: OptionShape & { kind: 'block' },
  ): { readonly plain: unknown; readonly value: Value } | undefined {
    const isJson = attribute.span.source.file.endsWith('.json');
    const objects = isJson ? objectsOf(attribute.value) : undefined;
    if (objects === undefined) {
      this.failures.push({
        reason: 'unknown-option',
        message: `Unsupported argument: an argument named "${attribute.name}" is not expected here.`,
        origin: attribute.nameSpan.range,
        hint: `Did you mean to define a block of type "${attribute.name}"?`,
      });
      return undefined;
    }
    const body: Body = { span: attribute.value.span, items: objects.flatMap((items) => items) };
    const inner = decodeBody(body, shape.options, this.#context);
    this.failures.push(...inner.failures);
    return { plain: inner.options, value: unknownValue() };
  }

  #evaluate(expression: Expression): Value | undefined {
    const result = captureEvaluation(expression.span, () => evaluate(expression, this.#context));
    if (result.ok) return result.value;
    this.failures.push(...result.failures);
    return undefined;
  }
}

function objectsOf(expression: Expression): readonly (readonly Attribute[])[] | undefined {
  if (expression.type === 'tuple') {
    const lists = expression.items.map((item) => objectsOf(item));
    return lists.every((list) => list !== undefined) ? lists.flat() : undefined;
  }
  if (expression.type !== 'object') return undefined;
  return [
    expression.items.map(({ key, value }) => {
      const text = key.type === 'template' && key.parts[0]?.type === 'text' ? key.parts[0].value : '';
      return { type: 'attribute', span: key.span.to(value.span), name: text, nameSpan: key.span, value };
    }),
  ];
}
