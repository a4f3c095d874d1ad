import type * as acorn from 'acorn';
import type { PropertyPath } from './property-path.ts';

/** How far a path could be followed through literals. */
export interface Found {
  readonly node: acorn.AnyNode;
  /** Name of the last property followed. */
  readonly key?: acorn.AnyNode;
  /** Number of path parts that were followed. */
  readonly depth: number;
}

/** Follows `path` from the expression `root` through object and list literals, constants and returned values. */
export function followPath(program: acorn.Program, root: acorn.AnyNode, path: PropertyPath): Found {
  let found: Found = { node: root, depth: 0 };
  for (const part of path) {
    const container = literalOf(program, found.node);
    const next = container === undefined ? undefined : childOf(program, container, part);
    if (next === undefined) break;
    found = { ...next, depth: found.depth + 1 };
  }
  return found;
}

/** The object or list literal that an expression gives, seen through names, calls of `define…` and functions. */
function literalOf(program: acorn.Program, node: acorn.AnyNode, depth = 0): acorn.AnyNode | undefined {
  if (depth > 20) return undefined;
  const again = (inner: acorn.AnyNode | null | undefined): acorn.AnyNode | undefined =>
    inner === null || inner === undefined ? undefined : literalOf(program, inner, depth + 1);
  switch (node.type) {
    case 'ObjectExpression':
    case 'ArrayExpression':
      return node;
    case 'Identifier':
      return again(constant(program, node.name));
    case 'ParenthesizedExpression':
      return again(node.expression);
    case 'AwaitExpression':
      return again(node.argument);
    case 'ArrowFunctionExpression':
    case 'FunctionExpression':
    case 'FunctionDeclaration':
      return again(node.body.type === 'BlockStatement' ? returned(node.body) : node.body);
    case 'CallExpression':
      return node.callee.type === 'Identifier' && node.callee.name.startsWith('define')
        ? again(node.arguments[0])
        : undefined;
    default:
      return undefined;
  }
}

function returned(body: acorn.BlockStatement): acorn.AnyNode | undefined {
  const statement = body.body.findLast((each) => each.type === 'ReturnStatement');
  return statement?.argument ?? undefined;
}

/** The value of a `const` of the module's top level. */
function constant(program: acorn.Program, name: string): acorn.AnyNode | undefined {
  for (const statement of program.body) {
    const declaration = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    if (declaration?.type !== 'VariableDeclaration') continue;
    for (const { id, init } of declaration.declarations) {
      if (id.type === 'Identifier' && id.name === name) return init ?? undefined;
    }
  }
  return undefined;
}

function childOf(
  program: acorn.Program,
  container: acorn.AnyNode,
  part: string | number,
): Omit<Found, 'depth'> | undefined {
  if (container.type === 'ArrayExpression')
    return typeof part === 'number' ? element(program, container, part) : undefined;
  if (container.type !== 'ObjectExpression') return undefined;
  // The last one counts, as at run time; a spread after it may replace it but is only looked at when nothing else is there.
  for (const property of container.properties.toReversed()) {
    if (property.type !== 'Property' || nameOf(property) !== String(part)) continue;
    return { node: property.value, key: property.key };
  }
  for (const property of container.properties.toReversed()) {
    if (property.type !== 'SpreadElement') continue;
    const spread = literalOf(program, property.argument);
    const child = spread === undefined ? undefined : childOf(program, spread, part);
    if (child !== undefined) return child;
  }
  return undefined;
}

function nameOf(property: acorn.Property): string | undefined {
  if (!property.computed && property.key.type === 'Identifier') return property.key.name;
  return property.key.type === 'Literal' ? String(property.key.value) : undefined;
}

/** The element at `index`, counted through spreads of lists whose length is plain to see. */
function element(
  program: acorn.Program,
  list: acorn.ArrayExpression,
  index: number,
): Omit<Found, 'depth'> | undefined {
  let left = index;
  for (const item of list.elements) {
    if (item?.type === 'SpreadElement') {
      const spread = literalOf(program, item.argument);
      if (spread?.type !== 'ArrayExpression') return undefined;
      if (left < spread.elements.length) return element(program, spread, left);
      left -= spread.elements.length;
    } else if (left === 0) {
      return item === null ? undefined : { node: item };
    } else left -= 1;
  }
  return undefined;
}
