import path from 'node:path';
import { FailureError, type Failure } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import type { KindUse, Pipeline } from '../model/pipeline.ts';
import { BUILD_FACTS, lateValue } from '../model/late-value.ts';
import { hostArchitecture, type Architecture } from '../model/platform.ts';
import { importFailure, thrownAt } from '../schema/import-module.ts';
import { describeValue, unknownProperty } from '../schema/issues.ts';
import { lazyRange, subLocator } from '../schema/locator.ts';
import type { BodyContext } from './define-pipeline.ts';
import { interpolate } from './interpolate.ts';
import { variantText, type Variant } from './matrix.ts';
import { fieldContext, readField, type PipelineHeadFields } from './resolve-head.ts';
import { resolveNamed } from './resolve-named.ts';
import { resolveUse } from './resolve-use.ts';
import type { ResolveOptions } from './resolve-template.ts';
import { builderFields, sourceFields } from './template-schema.ts';
import type { ResolvedVariables } from './variables.ts';

export interface VariantRequest {
  readonly head: PipelineHeadFields;
  readonly variant: Variant;
  readonly variables: ResolvedVariables;
  /** Names of all pipelines of the project. */
  readonly names: readonly string[];
  readonly options: ResolveOptions;
}

/** The fields that may differ between variants. */
const BODY_FIELDS = [
  'architecture',
  'directory',
  'outputFolder',
  'sourceDateEpoch',
  'builder',
  'source',
  'steps',
  'cleanup',
  'disk',
  'exports',
  'checks',
] as const;

/** Fields whose parts are kinds with options. */
const USES: ReadonlySet<string> = new Set(['builder', 'source', 'steps', 'cleanup', 'exports', 'checks']);
/** Fields whose parts run when the machine is there, so that they may hold facts of it. */
const IN_MACHINE: ReadonlySet<string> = new Set(['steps', 'cleanup', 'exports']);
const BUILD_SCOPE = Object.fromEntries(BUILD_FACTS.map((name) => [name, lateValue('build', name)]));

const hasMachine = (builder: unknown): boolean =>
  typeof builder === 'object' && builder !== null && 'type' in builder && builder.type !== ROOTFS;

/** One pipeline in one variant, or undefined when something is wrong with it. */
export function resolveVariant(request: VariantRequest, failures: Failure[]): Pipeline | undefined {
  const { head, variant, options } = request;
  const { parsed } = head;
  const { locate } = parsed;
  const before = failures.length;
  const id = Object.keys(variant).length === 0 ? head.name : `${head.name}[${variantText(variant)}]`;
  const values = bodyValues(request, id, failures);
  // Without values for the variables the rest would complain about what follows from that only.
  if (values === undefined) return undefined;

  const read = <Field extends (typeof BODY_FIELDS)[number]>(field: Field) =>
    readField(parsed, field, values, failures);
  const architecture = architectureOf(request, { ...values }, failures);
  const epoch = read('sourceDateEpoch') ?? options.defaults.sourceDateEpoch;
  const disk = read('disk');
  const builder = resolveBuilder(request, read('builder'), failures);
  const source = resolveSource(request, read('source'), builder, failures);
  const named = resolveNamed(
    {
      head,
      kinds: options.kinds,
      variant,
      secretNames: [...head.secrets, ...request.variables.secrets].map((secret) => secret.name),
    },
    {
      steps: read('steps') ?? [],
      cleanup: resolveCleanup(request, read('cleanup'), builder, failures),
      exports: read('exports') ?? [],
      checks: read('checks') ?? [],
    },
    failures,
  );
  if (failures.length > before || architecture === undefined || source === undefined || disk === undefined)
    return undefined;
  return {
    id,
    name: head.name,
    ...(head.description === undefined ? {} : { description: head.description }),
    matrix: Object.fromEntries(Object.entries(variant).map(([axis, value]) => [axis, String(value)])),
    architecture,
    sourceDateEpoch: epoch,
    ...(builder === undefined ? {} : { builder }),
    source,
    ...named,
    disk: { ...disk, origin: lazyRange(() => locate(['disk'], 'key'), subLocator(locate, ['disk'])) },
    ...(read('outputFolder') === false ? { elsewhere: true } : {}),
    directory: path.resolve(path.dirname(parsed.file), read('directory') ?? '.'),
    origin: lazyRange(() => locate(['name'])),
  };
}

/** The fields of the variant as the user means them: references replaced, or made by the template's function. */
function bodyValues(
  request: VariantRequest,
  id: string,
  failures: Failure[],
): Readonly<Record<string, unknown>> | undefined {
  const { head, variant, variables } = request;
  const { parsed } = head;
  if (parsed.interpolates) {
    const scope = { var: variables.values, matrix: variant, pipeline: { name: head.name, id } };
    const { locate, fields } = parsed;
    const withFacts = { ...scope, build: BUILD_SCOPE };
    return Object.fromEntries(
      BODY_FIELDS.filter((field) => field in fields).map((field) => {
        const context = {
          scope: hasMachine(fields['builder']) && IN_MACHINE.has(field) ? withFacts : scope,
          locate,
          failures,
          standIns: USES.has(field),
        };
        return [field, interpolate(fields[field], context, [field])];
      }),
    );
  }
  if (parsed.body === undefined) return parsed.fields;
  if (Object.values(variables.values).includes(undefined)) return undefined;
  const made = callBody(
    request,
    { vars: variables.values, matrix: variant, pipeline: { name: head.name, id } } as BodyContext,
    failures,
  );
  for (const field of Object.keys(made ?? {})) {
    if (BODY_FIELDS.some((known) => known === field)) continue;
    failures.push(unknownProperty(field, [], BODY_FIELDS, fieldContext(parsed)));
  }
  return made === undefined ? undefined : { ...parsed.fields, ...made };
}

function callBody(
  { head }: VariantRequest,
  context: BodyContext,
  failures: Failure[],
): Record<string, unknown> | undefined {
  const { parsed } = head;
  try {
    const made = parsed.body?.(context);
    if (typeof made === 'object' && made !== null && !Array.isArray(made) && !(made instanceof Promise)) {
      return made as Record<string, unknown>;
    }
    const what = made instanceof Promise ? 'a promise' : made === undefined ? 'nothing' : describeValue(made);
    failures.push({
      reason: 'template-invalid',
      message: `the template's function must return a map, not ${what}`,
      origin: parsed.locate([]),
    });
  } catch (error) {
    if (error instanceof FailureError) {
      const origin = thrownAt(error, parsed.file) ?? parsed.locate([]);
      failures.push(...error.failures.map((failure) => ({ origin, ...failure })));
    } else {
      failures.push(
        importFailure(parsed.file, error, { syntax: 'template-invalid', thrown: 'template-invalid' }),
      );
    }
  }
  return undefined;
}

function architectureOf(
  request: VariantRequest,
  values: Record<string, unknown>,
  failures: Failure[],
): Architecture | undefined {
  const { head, variant, options } = request;
  const before = failures.length;
  const fromAxis = values['architecture'] === undefined && 'architecture' in variant;
  if (fromAxis) values['architecture'] = variant['architecture'];
  const known =
    readField(head.parsed, 'architecture', values, failures) ??
    options.defaults.architecture ??
    hostArchitecture();
  if (fromAxis && failures.length > before) {
    const wrong = failures.pop();
    if (wrong !== undefined)
      failures.push({ ...wrong, origin: head.parsed.locate(['matrix', 'architecture']) });
  }
  if (known !== undefined || failures.length > before) return known;
  failures.push({
    reason: 'template-invalid',
    message: `Debian has no name for the architecture of this machine (${process.arch})`,
    origin: head.parsed.locate([]),
    hint: 'Name the `architecture` of the image.',
  });
  return undefined;
}

/** The sandbox on layers of files. It has no options and no kind of its own. */
const ROOTFS = 'rootfs';

/** The builder with machines of its own; undefined for `rootfs`, and where something is wrong. */
function resolveBuilder(
  request: VariantRequest,
  raw: Record<string, unknown> | undefined,
  failures: Failure[],
): KindUse | undefined {
  if (raw === undefined) return undefined;
  const { head, options } = request;
  const locate = subLocator(head.parsed.locate, ['builder']);
  if (raw['type'] === ROOTFS) {
    for (const name of Object.keys(raw)) {
      if (name === 'type') continue;
      const context = { subject: 'builder (rootfs)', locate, reason: 'template-invalid' } as const;
      failures.push(unknownProperty(name, [], ['type'], { ...context, unknownReason: 'unknown-option' }));
    }
    return undefined;
  }
  const table = options.kinds.builders;
  const use = resolveUse({ table, fields: builderFields, raw, locate, subject: 'builder' }, failures);
  if (use === undefined) return undefined;
  return { type: use.kind.type, options: use.options, origin: lazyRange(() => locate(['type']), locate) };
}

function resolveSource(
  request: VariantRequest,
  raw: Record<string, unknown> | undefined,
  builder: KindUse | undefined,
  failures: Failure[],
): KindUse | undefined {
  if (raw === undefined) return undefined;
  const { head, names, options } = request;
  const locate = subLocator(head.parsed.locate, ['source']);
  const { mirror } = options.defaults;
  const use = resolveUse(
    {
      table: options.kinds.sources,
      fields: sourceFields,
      raw,
      locate,
      subject: 'source',
      fallbacks: { mirror, mirrors: mirror === undefined ? undefined : [mirror] },
    },
    failures,
  );
  if (use === undefined) return undefined;
  const builders = use.kind.type === 'pipeline' ? undefined : (use.kind.builders ?? [ROOTFS]);
  if (builders !== undefined && !builders.includes(builder?.type ?? ROOTFS)) {
    failures.push({
      reason: 'template-invalid',
      message: `source (${use.kind.type}): the builder ${builder?.type ?? ROOTFS} cannot begin with it`,
      origin: locate(['type']),
      hint: `It goes with \`builder: { type: ${builders.join(' or ')} }\`.`,
    });
  }
  const name = use.options['name'];
  if (use.kind.type === 'pipeline' && typeof name === 'string' && !names.includes(name)) {
    const hint = suggestName(name, names, 'pipelines');
    failures.push({
      reason: 'template-not-found',
      message: `source (pipeline): there is no pipeline "${name}"`,
      origin: locate(['name']),
      ...(hint === undefined ? {} : { hint }),
    });
  }
  const { fresh, untracked } = use.fields;
  return {
    type: use.kind.type,
    options: use.options,
    ...(fresh === undefined ? {} : { freshMs: fresh }),
    ...(untracked === undefined ? {} : { untracked }),
    origin: lazyRange(() => locate(['type']), locate),
  };
}

/** The clean-up step as it is written; a pipeline without machines has none in which it could run. */
function resolveCleanup(
  { head }: VariantRequest,
  raw: Record<string, unknown> | undefined,
  builder: KindUse | undefined,
  failures: Failure[],
): Record<string, unknown> | undefined {
  if (raw === undefined || builder !== undefined) return raw;
  failures.push({
    reason: 'template-invalid',
    message: 'cleanup: the builder rootfs has no machine that is left when a step fails',
    origin: head.parsed.locate(['cleanup'], 'key'),
    hint: 'A step that fails leaves nothing behind; leave `cleanup` out.',
  });
  return undefined;
}
