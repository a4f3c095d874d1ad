import { FailureError, type Result, fail } from '../../../diagnostics/failure.ts';
import { nearestName } from '../../../diagnostics/nearest-name.ts';
import type { SourceText, Span } from '../syntax/source-text.ts';
import { runProblem, syntaxProblem } from './go-problem.ts';
import { GoCallError, type GoFunctions, type GoValue, isTrue, printGo } from './go-value.ts';
import {
  type GoCommand,
  type GoNode,
  type GoOperand,
  type GoPipeline,
  type GoTemplate,
  parseGoTemplate,
} from './parse-go.ts';

export interface GoContext {
  /** What `.` is. */
  readonly data: GoValue;
  readonly functions: GoFunctions;
}

/** Renders a text with `{{ … }}` actions. Fails with the place of the action that cannot be carried out. */
export function renderGoTemplate(source: SourceText, context: GoContext): Result<string> {
  const parsed = parseGoTemplate(source);
  if (!parsed.ok) return parsed;
  const renderer = new Renderer(context, parsed.value.definitions);
  try {
    renderer.nodes(parsed.value.nodes, context.data);
    return { ok: true, value: renderer.chunks.join('') };
  } catch (error) {
    if (error instanceof RangeError) {
      const message = 'Interpolation error\nthe text is too long or nested too deeply';
      return fail({ reason: 'template-invalid', message, cause: error });
    }
    if (error instanceof FailureError) return { ok: false, failures: error.failures };
    throw error;
  }
}

/** Templates that call each other may do so this deep, and this often in all. */
const MOST_DEEP = 1000;
const MOST_CALLS = 100_000;

/** Why a list of nodes ended before its end. */
type Leave = 'break' | 'continue' | undefined;

class Renderer {
  readonly chunks: string[] = [];
  readonly #functions: GoFunctions;
  readonly #definitions: GoTemplate['definitions'];
  #variables = new Map<string, GoValue>();
  #depth = 0;
  #calls = 0;

  constructor({ data, functions }: GoContext, definitions: GoTemplate['definitions']) {
    this.#functions = functions;
    this.#definitions = definitions;
    this.#variables.set('$', data);
  }

  nodes(nodes: readonly GoNode[], dot: GoValue): Leave {
    for (const node of nodes) {
      const leave = this.#node(node, dot);
      if (leave !== undefined) return leave;
    }
    return undefined;
  }

  #node(node: GoNode, dot: GoValue): Leave {
    switch (node.type) {
      case 'text':
        this.chunks.push(node.text);
        return undefined;
      case 'output': {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.assign.length === 0) this.chunks.push(printGo(value));
        return undefined;
      }
      case 'template':
        this.#template(node, dot);
        return undefined;
      case 'break':
      case 'continue':
        return node.type;
      default:
        return this.#block(node, dot);
    }
  }

  /** A template sees nothing but what it is given: its own dot, which is also its `$`. */
  #template({ name, pipeline, span, nameSpan }: GoNode & { type: 'template' }, dot: GoValue): void {
    const nodes = this.#definitions.get(name);
    if (nodes === undefined) return failAt(nameSpan, `template "${name}" not defined`, span);
    const value = pipeline === undefined ? null : this.#pipeline(pipeline, dot);
    this.#calls += 1;
    if (this.#depth >= MOST_DEEP || this.#calls > MOST_CALLS)
      failAt(span, `exceeded maximum template depth (${MOST_DEEP})`);
    const outer = this.#variables;
    this.#variables = new Map([['$', value]]);
    this.#depth += 1;
    this.nodes(nodes, value);
    this.#depth -= 1;
    this.#variables = outer;
  }

  #block(node: GoNode & { type: 'if' | 'with' | 'range' }, dot: GoValue): Leave {
    const value = this.#pipeline(node.pipeline, dot);
    if (node.type === 'range') {
      const items = rangeItems(value, lastOf(node.pipeline));
      const names = node.pipeline.assign;
      for (const [key, item] of items) {
        const [first, second] = names;
        if (second !== undefined && first !== undefined) this.#variables.set(first, key).set(second, item);
        else if (first !== undefined) this.#variables.set(first, item);
        if (this.nodes(node.whenTrue, item) === 'break') break;
      }
      return items.length === 0 ? this.nodes(node.otherwise, dot) : undefined;
    }
    return isTrue(value)
      ? this.nodes(node.whenTrue, node.type === 'with' ? value : dot)
      : this.nodes(node.otherwise, dot);
  }

  #pipeline(pipeline: GoPipeline, dot: GoValue): GoValue {
    let value: GoValue | undefined;
    for (const command of pipeline.commands) value = this.#command(command, dot, value);
    const [name] = pipeline.assign;
    if (name !== undefined) this.#variables.set(name, value ?? null);
    return value ?? null;
  }

  #command({ operands, span }: GoCommand, dot: GoValue, piped: GoValue | undefined): GoValue {
    const [first, ...rest] = operands;
    if (first === undefined) return null;
    if (first.type !== 'function') {
      if (rest.length > 0 || piped !== undefined)
        failAt(first.span, `can't give argument to non-function ${first.span.text}`);
      if (first.type === 'literal' && first.value === null) failAt(first.span, 'nil is not a command');
      return this.#operand(first, dot);
    }
    const args = [
      ...rest.map((operand) => this.#operand(operand, dot)),
      ...(piped === undefined ? [] : [piped]),
    ];
    return fieldsOf(this.#call(first, args, span), first);
  }

  #operand(operand: GoOperand, dot: GoValue): GoValue {
    if (operand.type === 'function') return fieldsOf(this.#call(operand, [], operand.span), operand);
    return fieldsOf(this.#base(operand, dot), operand);
  }

  #base(operand: Exclude<GoOperand, { type: 'function' }>, dot: GoValue): GoValue {
    switch (operand.type) {
      case 'literal':
        return operand.value;
      case 'dot':
        return dot;
      case 'pipeline':
        return this.#pipeline(operand.pipeline, dot);
      case 'variable':
        return (
          this.#variables.get(operand.name) ?? notThere(operand.span, `undefined variable "${operand.name}"`)
        );
    }
  }

  #call(
    { name, span }: { readonly name: string; readonly span: Span },
    args: readonly GoValue[],
    place: Span,
  ): GoValue {
    const definition = this.#functions.get(name);
    if (definition === undefined) {
      const nearest = nearestName(name, this.#functions.keys());
      const hint = nearest === undefined ? undefined : `Did you mean "${nearest}"?`;
      return notThere(span, `function "${name}" not defined`, hint);
    }
    const [least, most] = definition.arity;
    if (args.length < least || args.length > most) {
      failAt(
        span,
        `wrong number of args for ${name}: want ${least === most ? least : `at least ${least}`} got ${args.length}`,
      );
    }
    try {
      return definition.call(args);
    } catch (error) {
      if (error instanceof GoCallError) failAt(place, `error calling ${name}: ${error.message}`);
      throw error;
    }
  }
}

function fieldsOf(value: GoValue, { fields, span }: GoOperand): GoValue {
  let at = value;
  for (const field of fields) {
    if (at === null) return null;
    if (typeof at !== 'object' || Array.isArray(at))
      failAt(span, `can't evaluate field ${field} of ${printGo(at)}`);
    const object = at as { readonly [name: string]: GoValue };
    at = Object.hasOwn(object, field) ? (object[field] ?? null) : null;
  }
  return at;
}

function rangeItems(value: GoValue, span: Span): readonly (readonly [GoValue, GoValue])[] {
  if (value === null) return [];
  if (typeof value !== 'object') return failAt(span, `range can't iterate over ${printGo(value)}`);
  if (Array.isArray(value)) return (value as readonly GoValue[]).map((item, index) => [index, item]);
  return Object.entries(value as { readonly [name: string]: GoValue }).toSorted();
}

/** What was evaluated last: where Go says that a value cannot be gone through. */
function lastOf(pipeline: GoPipeline): Span {
  const operand = pipeline.commands.at(-1)?.operands.at(-1);
  return operand?.type === 'pipeline' ? lastOf(operand.pipeline) : (operand?.span ?? pipeline.span);
}

/** For names that Go looks up while it reads the template: it tells the line alone. */
function notThere(span: Span, message: string, hint?: string): never {
  throw new FailureError({
    reason: 'template-invalid',
    message: syntaxProblem(span.source, span.start, message),
    origin: span.range,
    ...(hint !== undefined && { hint }),
  });
}

function failAt(span: Span, message: string, shown = span): never {
  throw new FailureError({
    reason: 'template-invalid',
    message: runProblem(span, message, shown),
    origin: span.range,
  });
}
