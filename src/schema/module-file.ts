import { createRequire } from 'node:module';
import type * as acorn from 'acorn';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import type { SourceRange } from '../diagnostics/source-range.ts';
import type { Locator } from './locator.ts';
import { followPath, type Found } from './module-path.ts';

/** Where a call stands in a module; line and column count from 1. */
export interface CallSite {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Finds values that a TypeScript or JavaScript module wrote as literals, by parsing it when the first place is asked
 * for. With `call`, the arguments of that call are searched; else what the module exports by default. Where the way
 * leaves the literals (a helper function, a loop) the innermost expression on it is the answer.
 */
export function moduleLocator(file: string, call?: CallSite): Locator {
  let roots: readonly acorn.AnyNode[] | undefined;
  let program: acorn.Program | undefined;
  const fallback: SourceRange = call ?? { file, line: 1, column: 1 };
  return (path, part = 'value') => {
    if (roots === undefined) {
      program = parseModule(file);
      roots =
        program === undefined
          ? []
          : call === undefined
            ? defaultExport(program)
            : callArguments(program, call);
    }
    if (program === undefined || roots.length === 0) return fallback;
    let best: Found | undefined;
    for (const root of roots) {
      const found = followPath(program, root, path);
      if (best === undefined || found.depth > best.depth) best = found;
    }
    if (best === undefined) return fallback;
    if (best.depth === 0 && call !== undefined) return fallback;
    const node =
      part === 'key' && best.depth === path.length && best.key !== undefined ? best.key : best.node;
    return nodeRange(file, node) ?? fallback;
  };
}

/** Of an object over several lines only its first property, which is what a reader looks for. */
function nodeRange(file: string, node: acorn.AnyNode): SourceRange | undefined {
  const loc = node.loc;
  const first = node.type === 'ObjectExpression' ? node.properties[0] : undefined;
  if (first !== undefined && loc?.start.line !== loc?.end.line) return nodeRange(file, first);
  if (loc === null || loc === undefined) return undefined;
  return {
    file,
    line: loc.start.line,
    column: loc.start.column + 1,
    endLine: loc.end.line,
    endColumn: loc.end.column + 1,
  };
}

/** The module's syntax tree, or undefined when it cannot be read or parsed. Types are blanked, so places stay. */
function parseModule(file: string): acorn.Program | undefined {
  const { parse } = createRequire(import.meta.url)('acorn') as typeof acorn;
  try {
    const text = stripTypes(file, readFileSync(file, 'utf8').replace(/^\uFEFF/, ' '));
    return parse(text, { ecmaVersion: 'latest', sourceType: 'module', locations: true, allowHashBang: true });
  } catch {
    return undefined;
  }
}

/** Text with its types replaced by blanks where the file is TypeScript. @throws SyntaxError */
export function stripTypes(file: string, text: string): string {
  if (!/\.[cm]?ts$/.test(file)) return text;
  return withoutWarnings(() => stripTypeScriptTypes(text));
}

/** Runs `body`; that an API of Node is young is of no use to imgpipe's users. */
function withoutWarnings<T>(body: () => T): T {
  const before = Object.getOwnPropertyDescriptor(process, 'emitWarning');
  process.emitWarning = () => undefined;
  try {
    return body();
  } finally {
    if (before !== undefined) Object.defineProperty(process, 'emitWarning', before);
  }
}

/** The nodes of a whole tree, outermost first. */
function* walk(node: acorn.AnyNode): Generator<acorn.AnyNode> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? (value as unknown[]) : [value as unknown]) {
      if (isNode(child)) yield* walk(child);
    }
  }
}

const isNode = (value: unknown): value is acorn.AnyNode =>
  typeof value === 'object' &&
  value !== null &&
  'type' in value &&
  typeof value.type === 'string' &&
  'start' in value;

function defaultExport(program: acorn.Program): readonly acorn.AnyNode[] {
  for (const statement of program.body) {
    if (statement.type === 'ExportDefaultDeclaration') return [statement.declaration];
    // module.exports = …
    if (
      statement.type === 'ExpressionStatement' &&
      statement.expression.type === 'AssignmentExpression' &&
      statement.expression.left.type === 'MemberExpression'
    ) {
      return [statement.expression.right];
    }
  }
  return [];
}

/** V8 names the place of the called name: of `a.b(…)` that of `b`. */
function callArguments(program: acorn.Program, call: CallSite): readonly acorn.AnyNode[] {
  const isAt = (position: acorn.Position | undefined): boolean =>
    position?.line === call.line && position.column === call.column - 1;
  for (const node of walk(program)) {
    if (node.type !== 'CallExpression') continue;
    const name = node.callee.type === 'MemberExpression' ? node.callee.property : node.callee;
    if (isAt(name.loc?.start) || isAt(node.callee.loc?.start)) return node.arguments;
  }
  return [];
}
