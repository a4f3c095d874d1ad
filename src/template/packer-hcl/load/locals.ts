import type { Failure } from '../../../diagnostics/failure.ts';
import { type EvaluationContext, captureEvaluation } from '../evaluate/context.ts';
import { didYouMean } from '../evaluate/did-you-mean.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Block, Expression } from '../syntax/ast.ts';
import type { Span } from '../syntax/source-text.ts';
import { isIdentifier } from '../syntax/token.ts';
import { type Value, markSensitive, objectValue, unknownValue } from '../values/value.ts';
import { type Problems, boolAttribute, readBody } from './body.ts';
import { BAD_NAME } from './declare-variables.ts';
import type { PackerLocal } from './parsed-template.ts';
import { type Reference, referencesOf } from './references.ts';

export interface LocalDeclaration {
  readonly name: string;
  readonly span: Span;
  readonly expression: Expression;
  readonly sensitive: boolean;
}

/** Reads `locals` and `local` blocks. */
export function declareLocals(
  blocks: readonly Block[],
  context: EvaluationContext,
  problems: Problems,
): ReadonlyMap<string, LocalDeclaration> {
  const declared = new Map<string, LocalDeclaration>();
  const declare = (local: LocalDeclaration): void => {
    const earlier = declared.get(local.name);
    if (earlier !== undefined) {
      problems.add({
        reason: 'duplicate-name',
        message: `Duplicate local definition: Local variable "${local.name}" is defined twice.`,
        origin: local.span.range,
        related: [{ message: 'It was first defined here.', range: earlier.span.range }],
      });
    } else declared.set(local.name, local);
    if (!isIdentifier(local.name)) {
      problems.add({
        reason: 'template-invalid',
        message: `Invalid local name: "${local.name}": ${BAD_NAME}`,
        origin: local.span.range,
      });
    }
  };
  for (const block of blocks) {
    if (block.name === 'local') readLocal(block, context, problems, declare);
    else readLocals(block, problems, declare);
  }
  return declared;
}

function readLocals(block: Block, problems: Problems, declare: (local: LocalDeclaration) => void): void {
  for (const item of block.body.items) {
    if (item.type === 'attribute')
      declare({ name: item.name, span: item.nameSpan, expression: item.value, sensitive: false });
    else
      problems.add({
        reason: 'unknown-option',
        message: `Unexpected "${item.name}" block: a locals block holds only NAME = VALUE.`,
        origin: item.nameSpan.range,
      });
  }
}

function readLocal(
  block: Block,
  context: EvaluationContext,
  problems: Problems,
  declare: (local: LocalDeclaration) => void,
): void {
  const attributes = readBody(block.body, { attributes: ['expression', 'sensitive'] }, problems);
  const expression = attributes.get('expression');
  if (expression === undefined) {
    problems.add({
      reason: 'template-invalid',
      message: 'Missing required argument: the argument "expression" is required in a local block.',
      origin: block.headerSpan.range,
    });
    return;
  }
  const sensitive = problems.attempt(() => boolAttribute(attributes.get('sensitive'), context)) === true;
  declare({
    name: block.labels[0]?.value ?? '',
    span: block.headerSpan,
    expression: expression.value,
    sensitive,
  });
}

/**
 * Gives every local its value, each after those it refers to. A circle fails with `dependency-cycle` and its trail;
 * a local that fails is unknown to those that need it. With `maxDepth`, no more locals than that may wait in a row.
 */
export function evaluateLocals(
  declared: ReadonlyMap<string, LocalDeclaration>,
  context: EvaluationContext,
  problems: Problems,
  maxDepth?: number,
): ReadonlyMap<string, PackerLocal> {
  const values = new Map<string, PackerLocal>();
  const needs = new Map(
    [...declared.values()].map((local) => [local.name, needsOf(local, declared, problems)]),
  );
  for (const start of declared.keys()) visit(start, { declared, context, problems, values, needs, maxDepth });
  return new Map(
    [...declared.keys()].flatMap((name) => {
      const local = values.get(name);
      return local === undefined ? [] : [[name, local] as const];
    }),
  );
}

interface Work {
  readonly declared: ReadonlyMap<string, LocalDeclaration>;
  readonly context: EvaluationContext;
  readonly problems: Problems;
  readonly values: Map<string, PackerLocal>;
  readonly needs: ReadonlyMap<string, readonly string[]>;
  readonly maxDepth: number | undefined;
}

/** Depth first, on a stack of our own: a chain of locals may be long. */
function visit(start: string, work: Work): void {
  const trail: { readonly name: string; next: number }[] = [{ name: start, next: 0 }];
  const open = new Set([start]);
  for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
    const needed = work.needs.get(top.name)?.[top.next];
    if (work.values.has(top.name) || needed === undefined) {
      if (!work.values.has(top.name)) settle(top.name, work);
      open.delete(top.name);
      trail.pop();
    } else if (open.has(needed)) {
      const names = trail.map(({ name }) => name);
      const circle = [...names.slice(names.indexOf(needed)), needed];
      work.problems.add(cycle(circle, work.declared));
      for (const name of circle) work.values.set(name, failed(work.declared.get(name)!));
    } else {
      top.next += 1;
      if (!work.values.has(needed)) {
        open.add(needed);
        trail.push({ name: needed, next: 0 });
        if (trail.length - 1 === work.maxDepth) work.problems.add(tooDeep(needed, work.declared));
      }
    }
  }
}

const tooDeep = (name: string, declared: ReadonlyMap<string, LocalDeclaration>): Failure => ({
  reason: 'template-invalid',
  message: `Max local recursion depth exceeded.\nlocal.${name} comes after ten others that wait for it.`,
  origin: declared.get(name)!.span.range,
  hint: 'Leave out -use-sequential-evaluation: without it, locals may wait for any number of others.',
});

function cycle(circle: readonly string[], declared: ReadonlyMap<string, LocalDeclaration>): Failure {
  return {
    reason: 'dependency-cycle',
    message: `Cycle of locals: ${circle.map((name) => `local.${name}`).join(' → ')}.`,
    ...(circle[0] !== undefined && { origin: declared.get(circle[0])!.span.range }),
    related: circle.slice(1, -1).map((name) => ({
      message: `local.${name} is part of the circle.`,
      range: declared.get(name)!.span.range,
    })),
  };
}

const failed = (local: LocalDeclaration): PackerLocal => ({
  ...local,
  value: markSensitive(unknownValue(), local.sensitive),
  failed: true,
});

function settle(name: string, work: Work): void {
  const local = work.declared.get(name)!;
  const locals = new Map<string, Value>();
  for (const needed of work.needs.get(name) ?? []) {
    const value = work.values.get(needed)?.value;
    if (value !== undefined) locals.set(needed, value);
  }
  const context = {
    ...work.context,
    variables: work.context.variables.with(new Map([['local', objectValue(locals)]])),
  };
  const unknownNeed = hasUnknownNeed(local, work.declared);
  const result = unknownNeed
    ? undefined
    : captureEvaluation(local.expression.span, () => evaluate(local.expression, context));
  if (result !== undefined && !result.ok) work.problems.failures.push(...result.failures);
  const needsFailed = (work.needs.get(name) ?? []).some((needed) => work.values.get(needed)?.failed === true);
  const without = result?.ok === true && needsFailed && !result.value.whollyKnown;
  work.values.set(
    name,
    result?.ok === true && !without
      ? { ...local, value: markSensitive(result.value, local.sensitive), failed: false }
      : failed(local),
  );
}

const localReferences = (local: LocalDeclaration): Reference[] =>
  referencesOf(local.expression).filter(({ root }) => root === 'local');

function hasUnknownNeed(local: LocalDeclaration, declared: ReadonlyMap<string, LocalDeclaration>): boolean {
  return (
    localReferences(local).some(({ path: [name] }) => name !== undefined && !declared.has(name)) &&
    !mayFail(local.expression)
  );
}

/** `try(local.x, …)` and `can(local.x)` may name a local that does not exist. */
function mayFail(expression: Expression): boolean {
  return /\b(?:try|can)\(/.test(expression.span.text);
}

/** The names of locals that must have their value before; a bare `local` needs all. */
function needsOf(
  local: LocalDeclaration,
  declared: ReadonlyMap<string, LocalDeclaration>,
  problems: Problems,
): readonly string[] {
  const needs = new Set<string>();
  for (const { path, span } of localReferences(local)) {
    const [name] = path;
    if (name === undefined) for (const other of declared.keys()) needs.add(other);
    else if (declared.has(name)) needs.add(name);
    else if (!mayFail(local.expression)) {
      problems.add({
        reason: 'variable-unknown',
        message: `Unsupported attribute: there is no local value named "${name}".`,
        origin: span.range,
        ...didYouMean(name, declared.keys()),
      });
    }
  }
  if (needs.has(local.name) && localReferences(local).every(({ path }) => path[0] !== local.name))
    needs.delete(local.name);
  return [...needs];
}
