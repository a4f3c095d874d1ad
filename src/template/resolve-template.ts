import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import { withoutRepeats } from '../diagnostics/without-repeats.ts';
import type { Pipeline, SecretSpec, Template } from '../model/pipeline.ts';
import type { Architecture } from '../model/platform.ts';
import type { Kinds } from '../schema/kinds.ts';
import { globToRegExp } from '../util/glob.ts';
import type { ParsedTemplate } from './parsed-template.ts';
import { resolveHead, type PipelineHeadFields } from './resolve-head.ts';
import { resolveVariant } from './resolve-variant.ts';
import { resolveVariables, type GivenVariable } from './variables.ts';

export interface ResolveOptions {
  readonly kinds: Kinds;
  /** From `collectVariables`: lowest precedence first. */
  readonly variables: readonly GivenVariable[];
  readonly defaults: {
    readonly sourceDateEpoch: number;
    readonly architecture?: Architecture;
    readonly mirror?: string;
  };
  /** Names or globs of the pipelines that are wanted; those that they begin with come along. Default: all. */
  readonly only?: readonly string[];
}

/**
 * Gives every variable its value, every variant its pipeline, and checks all options against their kinds. All
 * mistakes of all templates come back at once.
 */
export function resolveTemplate(parsed: ParsedTemplate, options: ResolveOptions): Result<Template> {
  const failures: Failure[] = [];
  const heads = parsed.pipelines.map((pipeline) => resolveHead(pipeline, failures));
  const byName = uniqueNames(heads, failures);
  // Names are not known to be wrong while some declaration cannot be read.
  if (heads.every((head) => head.complete)) checkGiven(heads, options.variables, failures);

  const wanted = choose(byName, options.only, failures);
  const pipelines: Pipeline[] = [];
  const secrets = new Map<string, SecretSpec>();
  for (const head of wanted) {
    const variables = resolveVariables(head.variables, options.variables, head.parsed.locate, failures);
    for (const secret of [...head.secrets, ...variables.secrets]) addSecret(secrets, secret, failures);
    for (const variant of head.complete ? head.variants : []) {
      const pipeline = resolveVariant(
        { head, variant, variables, names: [...byName.keys()], options },
        failures,
      );
      if (pipeline !== undefined) pipelines.push(pipeline);
    }
    for (const name of sourceNames(pipelines, head.name)) {
      const source = byName.get(name);
      if (source !== undefined) wanted.add(source);
    }
  }
  if (failures.length > 0) return fail(...withoutRepeats(failures));
  const order = new Map(heads.map((head, index) => [head.name, index]));
  pipelines.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0));
  return { ok: true, value: { pipelines, secrets: [...secrets.values()] } };
}

/** One declared variable of a project, for `--help` and `inspect`. */
export interface ListedVariable {
  readonly name: string;
  readonly type: string;
  readonly description?: string;
  /** Text form; undefined when the variable must be given or is sensitive. */
  readonly defaultValue?: string;
  readonly sensitive: boolean;
  readonly required: boolean;
}

/** All variables that the templates declare, by name; of equal names the first. */
export function listVariables(parsed: ParsedTemplate): Result<readonly ListedVariable[]> {
  const failures: Failure[] = [];
  const listed = new Map<string, ListedVariable>();
  for (const pipeline of parsed.pipelines) {
    for (const [name, variable] of Object.entries(resolveHead(pipeline, failures).variables)) {
      const { type, description, sensitive, default: value } = variable;
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      listed.set(name, {
        name,
        type,
        sensitive,
        required: value === undefined,
        ...(description === undefined ? {} : { description }),
        ...(value === undefined || sensitive ? {} : { defaultValue: text }),
        ...listed.get(name),
      });
    }
  }
  return failures.length > 0
    ? fail(...failures)
    : { ok: true, value: [...listed.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

function uniqueNames(
  heads: readonly PipelineHeadFields[],
  failures: Failure[],
): Map<string, PipelineHeadFields> {
  const byName = new Map<string, PipelineHeadFields>();
  for (const head of heads) {
    const first = byName.get(head.name);
    if (first === undefined) byName.set(head.name, head);
    else {
      failures.push({
        reason: 'duplicate-name',
        message: `two pipelines have the name "${head.name}"`,
        origin: head.parsed.locate(['name']),
        related: [{ message: 'the first one', range: first.parsed.locate(['name']) }],
        hint: 'Give one of them another `name`.',
      });
    }
  }
  return byName;
}

/** Values for variables that no pipeline declares are mistyped names, unless they come from the environment. */
function checkGiven(
  heads: readonly PipelineHeadFields[],
  given: readonly GivenVariable[],
  failures: Failure[],
): void {
  const declared = new Set(heads.flatMap((head) => Object.keys(head.variables)));
  for (const each of given) {
    if (each.optional || declared.has(each.name)) continue;
    const hint = suggestName(each.name, declared, 'variables') ?? 'No template declares a variable.';
    failures.push({
      reason: 'variable-unknown',
      message: `${each.from} gives a value to "${each.name}", which no template declares`,
      ...(each.origin === undefined ? {} : { origin: each.origin }),
      hint,
    });
  }
}

/** A set that may grow while it is walked: pipelines that others begin with are added then. */
function choose(
  byName: ReadonlyMap<string, PipelineHeadFields>,
  only: readonly string[] | undefined,
  failures: Failure[],
): Set<PipelineHeadFields> {
  if (only === undefined) return new Set(byName.values());
  return new Set(
    only.flatMap((name) => {
      const pattern = globToRegExp(name);
      const heads = [...byName.values()].filter((head) => head.name === name || pattern.test(head.name));
      if (heads.length > 0) return heads;
      const hint = suggestName(name, byName.keys(), 'pipelines');
      failures.push({
        reason: 'template-not-found',
        message: `there is no pipeline "${name}"`,
        ...(hint === undefined ? {} : { hint }),
      });
      return [];
    }),
  );
}

function sourceNames(pipelines: readonly Pipeline[], name: string): string[] {
  return pipelines.flatMap((pipeline) =>
    pipeline.name === name && pipeline.source.type === 'pipeline'
      ? [String(pipeline.source.options['name'])]
      : [],
  );
}

function addSecret(secrets: Map<string, SecretSpec>, secret: SecretSpec, failures: Failure[]): void {
  const first = secrets.get(secret.name);
  if (first === undefined) secrets.set(secret.name, secret);
  else if (JSON.stringify(first.from) !== JSON.stringify(secret.from)) {
    failures.push({
      reason: 'duplicate-name',
      message: `two pipelines declare the secret "${secret.name}" differently`,
      ...(secret.origin === undefined ? {} : { origin: secret.origin }),
      ...(first.origin === undefined ? {} : { related: [{ message: 'the first one', range: first.origin }] }),
      hint: 'Give one of them another name.',
    });
  }
}
