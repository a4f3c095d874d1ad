import { unreachable } from '../../../diagnostics/failure.ts';
import type { Expression, SplatStep, TemplatePart } from '../syntax/ast.ts';
import type { Span } from '../syntax/source-text.ts';

/** A name an expression reads from outside, with the attributes read of it: `var.a.b` is `var`, [`a`, `b`]. */
export interface Reference {
  readonly root: string;
  readonly path: readonly string[];
  readonly span: Span;
}

interface Pending {
  readonly expression: Expression;
  /** Names that loops around it bind. */
  readonly bound: ReadonlySet<string>;
}

/** All references of an expression to names that it does not bind itself. */
export function referencesOf(expression: Expression): Reference[] {
  const found: Reference[] = [];
  const pending: Pending[] = [{ expression, bound: new Set() }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const reference = asReference(next.expression);
    if (reference !== undefined) {
      if (!next.bound.has(reference.root)) found.push(reference);
    } else {
      for (const child of childrenOf(next)) pending.push(child);
    }
  }
  return found;
}

/** The expression as a plain chain of names and literal indexes; undefined when it is more than that. */
function asReference(expression: Expression): Reference | undefined {
  const path: string[] = [];
  let at = expression;
  for (;;) {
    if (at.type === 'variable') return { root: at.name, path: path.toReversed(), span: expression.span };
    if (at.type === 'attribute-access') {
      path.push(at.name);
      at = at.object;
    } else if (at.type === 'index' && literalText(at.key) !== undefined) {
      path.push(literalText(at.key) ?? '');
      at = at.collection;
    } else {
      return undefined;
    }
  }
}

function literalText(key: Expression): string | undefined {
  if (key.type === 'number') return key.text;
  const part = key.type === 'template' && key.parts.length === 1 ? key.parts[0] : undefined;
  return part?.type === 'text' ? part.value : undefined;
}

function childrenOf({ expression, bound }: Pending): Pending[] {
  const plain = (...children: readonly (Expression | undefined)[]): Pending[] =>
    children.flatMap((child) => (child === undefined ? [] : [{ expression: child, bound }]));
  switch (expression.type) {
    case 'number':
    case 'keyword':
    case 'variable':
      return [];
    case 'template':
      return expression.parts.flatMap((part) => childrenOfPart(part, bound));
    case 'template-wrap':
    case 'parentheses':
      return plain(expression.inner);
    case 'tuple':
      return plain(...expression.items);
    case 'object':
      return plain(...expression.items.flatMap((item) => [item.key, item.value]));
    case 'for-expression': {
      const inner = binding(bound, expression);
      const inside = [expression.key, expression.value, expression.condition];
      return [
        ...plain(expression.collection),
        ...inside.flatMap((child) => (child === undefined ? [] : [{ expression: child, bound: inner }])),
      ];
    }
    case 'conditional':
      return plain(expression.condition, expression.whenTrue, expression.otherwise);
    case 'binary':
      return plain(expression.left, expression.right);
    case 'unary':
      return plain(expression.operand);
    case 'splat':
      return plain(expression.source, ...expression.each.map(stepKey));
    case 'index':
      return plain(expression.collection, expression.key);
    case 'attribute-access':
      return plain(expression.object);
    case 'call':
      // The second argument of convert() is a type; its words are not names.
      return plain(
        ...(expression.name === 'convert' ? expression.arguments.slice(0, 1) : expression.arguments),
      );
    case 'scoped':
      return [{ expression: expression.inner, bound: new Set([...bound, ...expression.names.keys()]) }];
    default:
      return unreachable(expression);
  }
}

const stepKey = (step: SplatStep): Expression | undefined => (step.type === 'index' ? step.key : undefined);

function childrenOfPart(part: TemplatePart, bound: ReadonlySet<string>): Pending[] {
  switch (part.type) {
    case 'text':
      return [];
    case 'interpolation':
      return [{ expression: part.value, bound }];
    case 'if':
      return [
        { expression: part.condition, bound },
        ...[...part.whenTrue, ...part.otherwise].flatMap((inner) => childrenOfPart(inner, bound)),
      ];
    case 'for': {
      const inner = binding(bound, part);
      return [
        { expression: part.collection, bound },
        ...part.body.flatMap((child) => childrenOfPart(child, inner)),
      ];
    }
  }
}

function binding(
  bound: ReadonlySet<string>,
  loop: { keyName: string | undefined; valueName: string },
): ReadonlySet<string> {
  return new Set([...bound, loop.valueName, ...(loop.keyName === undefined ? [] : [loop.keyName])]);
}
