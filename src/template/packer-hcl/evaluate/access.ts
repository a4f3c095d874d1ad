import type { AttributeAccess, Expression, IndexExpression, Splat, SplatStep } from '../syntax/ast.ts';
import type { Span } from '../syntax/source-text.ts';
import { tryConvert } from '../values/convert.ts';
import { NUMBER, STRING, describeType, sameType } from '../values/type.ts';
import {
  UNKNOWN,
  type Value,
  entriesOf,
  isNumber,
  itemsOf,
  listValue,
  markSensitive,
  tupleValue,
  unknownValue,
} from '../values/value.ts';
import { type EvaluationContext, failAt } from './context.ts';
import { evaluate } from './evaluate.ts';
import { didYouMean } from './did-you-mean.ts';

/** Evaluates `object.name`. */
export function evaluateAttribute(expression: AttributeAccess, context: EvaluationContext): Value {
  const object = evaluate(expression.object, context);
  return attributeOf(object, expression.name, expression.nameSpan, expression.object);
}

const ROOTS: Readonly<Record<string, string>> = {
  var: 'input variable',
  local: 'local value',
  data: 'data source',
};

function attributeOf(object: Value, name: string, span: Span, parent?: Expression): Value {
  if (object.data === null)
    failAt(
      span,
      'Attempt to get attribute from null value: this value is null, so it does not have any attributes.',
    );
  if (object.data === UNKNOWN) return unknownAttribute(object, name, span);
  const entries = entriesOf(object);
  const found = entries?.get(name);
  if (found !== undefined) return markSensitive(found, object.sensitive && !hasOwnMarks(object, found));
  if (entries !== undefined) {
    const root = parent?.type === 'variable' ? ROOTS[parent.name] : undefined;
    if (root !== undefined) {
      failAt(span, `Unsupported attribute: there is no ${root} named "${name}".`, {
        reason: 'variable-unknown',
        ...didYouMean(name, entries.keys()),
      });
    }
    const message =
      object.type.kind === 'map'
        ? `Missing map element: this map does not have an element with the key "${name}".`
        : `Unsupported attribute: this object does not have an attribute named "${name}".`;
    failAt(span, message, didYouMean(name, entries.keys()));
  }
  if (itemsOf(object) !== undefined) {
    failAt(
      span,
      `Unsupported attribute: "${name}" cannot be read from a ${object.type.kind}; its elements may have it.`,
      {
        hint: `Use [*].${name} for the attribute of every element, or an index for one of them.`,
      },
    );
  }
  return failAt(
    span,
    `Unsupported attribute: a ${describeType(object.type)} value does not have attributes, so not "${name}" either.`,
  );
}

/** An object is sensitive as a whole or because of a part; parts that are not marked then stay plain. */
function hasOwnMarks(object: Value, part: Value): boolean {
  const siblings = [...(entriesOf(object)?.values() ?? itemsOf(object) ?? [])];
  return !part.sensitive && siblings.some((sibling) => sibling.sensitive);
}

function unknownAttribute(object: Value, name: string, span: Span): Value {
  const { type } = object;
  if (type.kind === 'object') {
    const attribute = type.attributes.get(name);
    if (attribute === undefined) {
      failAt(
        span,
        `Unsupported attribute: this object does not have an attribute named "${name}".`,
        didYouMean(name, type.attributes.keys()),
      );
    }
    return markSensitive(unknownValue(attribute), object.sensitive);
  }
  return markSensitive(unknownValue(type.kind === 'map' ? type.element : undefined), object.sensitive);
}

/** Evaluates `collection[key]`. */
export function evaluateIndex(expression: IndexExpression, context: EvaluationContext): Value {
  const collection = evaluate(expression.collection, context);
  const key = evaluate(expression.key, context);
  return indexOf(collection, key, expression.key.span);
}

function indexOf(collection: Value, key: Value, span: Span): Value {
  if (collection.data === null)
    failAt(span, 'Attempt to index null value: this value is null, so it does not have any indices.');
  if (key.data === null) failAt(span, "Invalid index: can't use a null value as an indexing key.");
  const sensitive = collection.sensitive || key.sensitive;
  if (collection.data === UNKNOWN || key.data === UNKNOWN) return markSensitive(unknownValue(), sensitive);
  const items = itemsOf(collection);
  if (items !== undefined) {
    if (collection.type.kind === 'set')
      failAt(span, 'Invalid index: elements of a set are identified only by their value and have no index.');
    return markSensitive(
      itemAt(items, key, span),
      key.sensitive || (collection.sensitive && !items.some((item) => item.sensitive)),
    );
  }
  const entries = entriesOf(collection);
  if (entries === undefined)
    failAt(span, `Invalid index: a ${describeType(collection.type)} value does not have any indices.`);
  const name = tryConvert(key, STRING)?.data;
  if (typeof name !== 'string')
    failAt(
      span,
      'Invalid index: the given key does not identify an element in this collection value: a string is required.',
    );
  const found = entries.get(name);
  if (found === undefined) {
    failAt(
      span,
      `Invalid index: the given key ${JSON.stringify(name)} does not identify an element in this collection value.`,
      didYouMean(name, entries.keys()),
    );
  }
  return markSensitive(found, key.sensitive || (collection.sensitive && !hasOwnMarks(collection, found)));
}

function itemAt(items: readonly Value[], key: Value, span: Span): Value {
  const number = tryConvert(key, NUMBER);
  if (number === undefined || !isNumber(number)) {
    failAt(
      span,
      'Invalid index: the given key does not identify an element in this collection value: a number is required.',
    );
  }
  const found = number.data.isInteger() ? items[number.data.toNumber()] : undefined;
  if (found !== undefined) return found;
  const few = items.length === 0 ? 'it has no elements' : `its indexes go from 0 to ${items.length - 1}`;
  return failAt(
    span,
    `Invalid index: the given key ${String(number.data)} does not identify an element in this collection value: ${few}.`,
  );
}

/** Evaluates `.*` and `[*]`: a null gives an empty tuple, a value that is no collection a tuple of itself. */
export function evaluateSplat(expression: Splat, context: EvaluationContext): Value {
  const source = evaluate(expression.source, context);
  if (source.data === UNKNOWN) return markSensitive(unknownValue(), source.sensitive);
  if (source.data === null) return markSensitive(tupleValue([]), source.sensitive);
  const items = itemsOf(source) ?? [source];
  const results = items.map((item) => applySteps(item, expression.each, context));
  const first = results[0];
  const isList = source.type.kind === 'list' || source.type.kind === 'set';
  if (isList && first !== undefined && results.every((result) => sameType(result.type, first.type))) {
    return listValue(first.type, results);
  }
  return tupleValue(results);
}

function applySteps(item: Value, steps: readonly SplatStep[], context: EvaluationContext): Value {
  let value = item;
  for (const step of steps) {
    value =
      step.type === 'attribute'
        ? attributeOf(value, step.name, step.span)
        : indexOf(value, evaluate(step.key, context), step.key.span);
  }
  return value;
}
