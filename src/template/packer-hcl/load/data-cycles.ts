import type { Failure } from '../../../diagnostics/failure.ts';
import type { Span } from '../syntax/source-text.ts';
import type { Expression } from '../syntax/ast.ts';
import { expressionsOf } from './check-references.ts';
import type { LocalDeclaration } from './locals.ts';
import type { ComponentBlock } from './parsed-template.ts';
import { referencesOf } from './references.ts';

interface Node {
  readonly span: Span;
  readonly needs: readonly string[];
}

/**
 * A failure for every circle in which data sources wait for each other, over locals or not. Circles of locals alone
 * are found where locals are evaluated.
 */
export function dataCycles(
  dataSources: readonly ComponentBlock[],
  locals: ReadonlyMap<string, LocalDeclaration>,
): Failure[] {
  const nodes = new Map<string, Node>();
  for (const { type, name, span, body } of dataSources) {
    nodes.set(`data.${type}.${name}`, { span, needs: expressionsOf(body).flatMap(needsOf) });
  }
  for (const { name, span, expression } of locals.values()) {
    nodes.set(`local.${name}`, { span, needs: needsOf(expression) });
  }
  const failures: Failure[] = [];
  const done = new Set<string>();
  for (const start of nodes.keys()) {
    if (start.startsWith('data.')) search(start, nodes, done, failures);
  }
  return failures;
}

const needsOf = (expression: Expression): string[] =>
  referencesOf(expression).flatMap(({ root, path }) => {
    if (root === 'data' && path.length >= 2) return [`data.${path[0]}.${path[1]}`];
    return root === 'local' && path.length >= 1 ? [`local.${path[0]}`] : [];
  });

/** Depth first, on a list of its own: a chain may be long. */
function search(
  start: string,
  nodes: ReadonlyMap<string, Node>,
  done: Set<string>,
  failures: Failure[],
): void {
  const trail = [{ name: start, next: 0 }];
  const open = new Set([start]);
  for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
    const needed = done.has(top.name) ? undefined : nodes.get(top.name)?.needs[top.next];
    if (needed === undefined) {
      done.add(top.name);
      open.delete(top.name);
      trail.pop();
      continue;
    }
    top.next += 1;
    if (open.has(needed)) {
      const names = trail.map(({ name }) => name);
      const circle = names.slice(names.indexOf(needed));
      if (circle.some((name) => name.startsWith('data.'))) failures.push(cycle(circle, nodes));
    } else if (nodes.has(needed) && !done.has(needed)) {
      open.add(needed);
      trail.push({ name: needed, next: 0 });
    }
  }
}

function cycle(circle: readonly string[], nodes: ReadonlyMap<string, Node>): Failure {
  const places = circle.flatMap((name) => {
    const node = nodes.get(name);
    return node === undefined ? [] : [{ message: `${name} is part of the circle.`, range: node.span.range }];
  });
  const [first, ...others] = places;
  return {
    reason: 'dependency-cycle',
    message: `Cycle of data sources: ${[...circle, circle[0]].join(' → ')}.`,
    ...(first && { origin: first.range }),
    related: others,
  };
}
