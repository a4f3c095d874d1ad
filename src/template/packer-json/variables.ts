import { type Failure, type Result, fail, ok } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { FunctionWorld } from '../packer-hcl/functions/function.ts';
import { GoCallError, type GoFunctions } from '../packer-hcl/go-template/go-value.ts';
import { engineFunctions } from '../packer-hcl/go-template/packer-functions.ts';
import { goTextOf } from '../packer-hcl/go-template/go-problem.ts';
import { renderGoTemplate } from '../packer-hcl/go-template/render-go.ts';
import { SourceText } from '../packer-hcl/syntax/source-text.ts';
import type { JsonTemplate } from './template.ts';

export interface JsonFacts {
  readonly world: FunctionWorld;
  readonly packerVersion: string;
  /** Undefined where there is no template. */
  readonly templateDirectory?: string;
}

/** `-var` beats files of values; a later file beats an earlier one. */
export type GivenVariables = ReadonlyMap<string, string>;

const NOT_SET = 'Error: variable not set: ';

/**
 * Gives every user variable its value. They may refer to each other in any order, up to a hundred levels; what reads
 * `{{ .Name }}` is left for the build.
 */
export function renderVariables(
  template: JsonTemplate | undefined,
  given: GivenVariables,
  facts: JsonFacts,
): Result<ReadonlyMap<string, string>> {
  const missing = requiredMissing(template, given);
  if (missing.length > 0) return fail(...missing);
  const pending = new Map<string, string>();
  for (const [name, variable] of template?.variables ?? []) pending.set(name, variable.default);
  for (const [name, text] of given) pending.set(name, text);
  const values = new Map<string, string>();
  for (let round = 0; round < 100 && pending.size > 0; round += 1) {
    const before = pending.size;
    let waiting: Failure | undefined;
    for (const [name, text] of [...pending].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      const rendered = renderText(text, variableFunctions(values, facts));
      if (rendered.ok) {
        values.set(name, rendered.value);
        pending.delete(name);
        continue;
      }
      const [first] = rendered.failures;
      if (first?.message.includes(NOT_SET) !== true)
        return { ok: false, failures: located(name, rendered.failures, template) };
      waiting = failedToInterpolate(name, text, template);
    }
    if (pending.size === before) return waiting === undefined ? ok(values) : fail(waiting);
  }
  return ok(values);
}

function requiredMissing(template: JsonTemplate | undefined, given: GivenVariables): Failure[] {
  return [...(template?.variables ?? [])]
    .filter(([name, { required }]) => required && !given.has(name))
    .map(([name]) => ({
      reason: 'variable-missing',
      message: `required variable not set: ${name}`,
      hint: `Set it with -var ${name}=VALUE or in a file of values.`,
      ...placeOf(name, template),
    }));
}

function placeOf(name: string, template: JsonTemplate | undefined): Pick<Failure, 'origin'> {
  const variables = template?.data['variables'];
  if (variables === null || typeof variables !== 'object') return {};
  const span = template?.places.ofKey(variables, name);
  return span === undefined ? {} : { origin: span.range };
}

const located = (name: string, failures: readonly Failure[], template: JsonTemplate | undefined): Failure[] =>
  failures.map((failure) => ({
    reason: 'variable-invalid',
    message: `error interpolating default value for '${name}': ${goTextOf(failure)}`,
    ...(failure.hint !== undefined && { hint: failure.hint }),
    ...placeOf(name, template),
  }));

function failedToInterpolate(name: string, text: string, template: JsonTemplate | undefined): Failure {
  const wanted = [...text.matchAll(/user\s*[`"]([^`"]*)[`"]/g)].map((found) => found[1] ?? '');
  const near = wanted
    .map((word) => nearestName(word, template?.variables.keys() ?? []))
    .find((word) => word !== undefined);
  return {
    reason: 'variable-unknown',
    message: `Failed to interpolate "${name}": "${text}": Please make sure that the variable you're referencing has been defined; Packer treats all variables used to interpolate other user variables as required.`,
    ...(near !== undefined && { hint: `Did you mean "${near}"?` }),
    ...placeOf(name, template),
  };
}

/** The functions where variables are declared: `env` is allowed, and `user` fails for what has no value yet. */
function variableFunctions(values: ReadonlyMap<string, string>, facts: JsonFacts): GoFunctions {
  return engineFunctions({
    ...facts,
    allowEnvironment: true,
    userVariables: values,
    extra: new Map([
      [
        'user',
        {
          arity: [1, 1] as const,
          call: ([name]: readonly unknown[]) => {
            const value = values.get(String(name));
            if (value === undefined) throw new GoCallError(`${NOT_SET}${String(name)}`);
            return value;
          },
        },
      ],
    ]),
  });
}

/** Renders the actions of a text, leaving those that only the build can tell: `{{ .X }}`. */
export function renderText(text: string, functions: GoFunctions): Result<string> {
  if (!text.includes('{{')) return ok(text);
  const kept: string[] = [];
  const guarded = text.replaceAll(/\{\{\s?\..*?\s?\}\}/g, (action) => `\u0000${kept.push(action) - 1}\u0000`);
  const rendered = renderGoTemplate(new SourceText('<text>', guarded), { data: null, functions });
  if (!rendered.ok) return rendered;
  // oxlint-disable-next-line no-control-regex -- the marks are NUL so that no text can hold them by chance
  return ok(rendered.value.replaceAll(/\u0000(\d+)\u0000/g, (_, index: string) => kept[Number(index)] ?? ''));
}
