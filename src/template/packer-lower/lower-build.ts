import { type Failure, FailureError, unwrap } from '../../diagnostics/failure.ts';
import type { SourceRange } from '../../diagnostics/source-range.ts';
import type { LateOptions } from '../../model/late-options.ts';
import type { KindUse, Pipeline, PostSpec, SecretSpec, StepSpec } from '../../model/pipeline.ts';
import { nodeId } from '../../model/pipeline.ts';
import { type Architecture, hostArchitecture } from '../../model/platform.ts';
import type { KindDescriptor } from '../../schema/kind.ts';
import type { Kinds } from '../../schema/kinds.ts';
import type { ComponentOptions } from '../packer-kinds/component.ts';
import { diskSchema } from '../disk-schema.ts';
import { BUILDER_PARTS, type LoweredUse } from './builder-parts.ts';
import type { PackerBuild, PackerPart, PackerPostProcessor, PackerProvisioner } from './packer-build.ts';
import { withSameMachine } from './moving-facts.ts';
import { isInKey, optionsFor, parseUse } from './parse-use.ts';
import { type OptionReadings, type SecretFinder, standInsOf } from './stand-ins.ts';

/** One build as it reads in the surroundings of `OptionReadings`, and as it reads when its machine runs. */
export interface BuildReadings {
  readonly plain: PackerBuild;
  readonly symbolic: PackerBuild;
  readonly elsewhere: PackerBuild | undefined;
  /** With what the machine tells. @throws FailureError */
  readonly running: (facts: Readonly<Record<string, string>>) => PackerBuild;
}

export interface LowerContext {
  readonly kinds: Kinds;
  /** Folder from which paths go: that in which the command was started; absolute. */
  readonly directory: string;
  readonly sourceDateEpoch: number;
  readonly secrets: SecretFinder;
  /** Names of the variables whose values must not be shown. */
  readonly sensitive: readonly string[];
  /** `-force`. */
  readonly force: boolean;
  /** Nothing is to come from the cache: all steps of a container run in one, as with Packer. */
  readonly noCache: boolean;
  /** What is wrong is passed over: only what the options read is wanted. */
  readonly tolerant?: boolean;
}

export interface LoweredBuild {
  readonly pipeline: Pipeline;
  readonly secrets: readonly SecretSpec[];
  /** By node id: options as they are when the node runs. */
  readonly late: ReadonlyMap<string, LateOptions>;
  /** By node id, the builder's by that of the pipeline: options as a template of ours would write them. */
  readonly written: ReadonlyMap<string, WrittenOptions>;
}

export interface WrittenOptions {
  /** As before a build runs. */
  readonly plain: ComponentOptions;
  /** With stand-ins for facts of the machine. */
  readonly symbolic: ComponentOptions;
  /** Names of options that hold values of the moment. */
  readonly volatile: readonly string[];
}

/** Makes a pipeline of a build. `id` is unique among pipelines. @throws FailureError for what has no counterpart */
export function lowerBuild(id: string, readings: BuildReadings, context: LowerContext): LoweredBuild {
  return new BuildLowering(id, readings, context).lower();
}

/** Where a part stands in a build, so that it is found again in another reading. */
type Find = (build: PackerBuild) => PackerPart | undefined;

class BuildLowering {
  readonly #id: string;
  readonly #readings: BuildReadings;
  readonly #context: LowerContext;
  readonly #secrets: SecretSpec[] = [];
  readonly #late = new Map<string, LateOptions>();
  readonly #written = new Map<string, WrittenOptions>();
  readonly #names = new Set(['source', 'seal', 'disk', 'artifact', 'clean-up']);
  readonly #failures: Failure[] = [];

  constructor(id: string, readings: BuildReadings, context: LowerContext) {
    this.#id = id;
    this.#readings = readings;
    this.#context = context;
  }

  lower(): LoweredBuild {
    const { plain } = this.#readings;
    const { builder } = plain;
    const parts = BUILDER_PARTS[builder.type];
    if (parts === undefined) throw new FailureError(noCounterpart('builder', builder));
    const uses = parts(builder.options);
    const { noCache } = this.#context;
    const pick = (name: 'builder' | 'source' | 'artifact') => (options: ComponentOptions) => ({
      ...parts(options)[name]?.options,
      ...(name === 'builder' && noCache ? { single_container: true } : {}),
    });
    const find: Find = (build) => build.builder;
    const { kinds, directory, sourceDateEpoch } = this.#context;
    const steps = plain.provisioners.map((step, index) =>
      this.#step(step, (build) => build.provisioners[index]),
    );
    const runsHere = steps.some((step) => step.type === 'packer-shell-local');
    const source = this.#use('source', kinds.sources.mustGet(uses.source.type), find, pick('source'));
    const untracked =
      builder.type === 'file' && runsHere ? 'steps on this host may change its file' : source.untracked;
    const artifact =
      uses.artifact === undefined ? undefined : this.#artifact(uses.artifact, pick('artifact'));
    const { cleanup } = plain;
    const pipeline: Pipeline = {
      id: this.#id,
      name: plain.name,
      matrix: {},
      architecture: architectureOf(builder),
      sourceDateEpoch,
      builder: this.#use(
        '',
        kinds.builders.mustGet(uses.builder.type),
        find,
        pick('builder'),
        uses.builder.names,
      ),
      source: { ...source, unlocked: true, ...(untracked === undefined ? {} : { untracked }) },
      steps,
      ...(cleanup === undefined
        ? {}
        : { cleanup: this.#step(cleanup, (build) => build.cleanup, 'clean-up') }),
      disk: { ...diskSchema.parse({}), origin: builder.origin },
      exports: artifact === undefined ? [] : [artifact],
      elsewhere: true,
      checks: [],
      directory,
      origin: builder.origin,
    };
    if (this.#failures.length > 0 && this.#context.tolerant !== true)
      throw new FailureError(...this.#failures);
    return { pipeline, secrets: this.#secrets, late: this.#late, written: this.#written };
  }

  #artifact({ type }: LoweredUse, pick: (options: ComponentOptions) => ComponentOptions) {
    const kind = this.#context.kinds.exports.mustGet(type);
    const use = this.#use('artifact', kind, (build) => build.builder, pick);
    const chains = this.#readings.plain.chains.map((chain, at) =>
      chain.map((item, index) => this.#post(item, (build) => build.chains[at]?.[index])),
    );
    return { ...use, name: 'artifact', chains };
  }

  #step(step: PackerProvisioner, find: Find, given?: string): StepSpec {
    const name = given ?? this.#unique(step.name === '' ? step.type : step.name);
    const kind = this.#context.kinds.steps.get(`packer-${step.type}`);
    const run = {
      retries: step.maxRetries,
      continueOnError: step.continueOnError,
      ...(step.timeoutMs > 0 ? { timeoutMs: step.timeoutMs } : {}),
      ...(step.pauseBeforeMs > 0 ? { pauseBeforeMs: step.pauseBeforeMs } : {}),
    };
    if (kind === undefined) {
      this.#failures.push(noCounterpart('provisioner', step));
      return { type: '', options: {}, origin: step.origin, name, run };
    }
    const use = this.#use(name, kind, find, (options, build) => this.#withBuild(kind, options, build));
    this.#lateParts(name, kind, use);
    return { ...use, name, run };
  }

  #post(item: PackerPostProcessor, find: Find): PostSpec {
    const name = this.#unique(`artifact.${item.name === '' ? item.type : item.name}`);
    const { posts } = this.#context.kinds;
    const kind =
      posts.get(`packer-${item.type}`) ??
      (item.type.startsWith('docker-') ? posts.get(item.type) : undefined);
    if (kind === undefined) {
      this.#failures.push(noCounterpart('post-processor', item));
      return { type: '', options: {}, origin: item.origin, name, keepInput: true };
    }
    return {
      ...this.#use(name, kind, find, (options, build) => this.#withBuild(kind, options, build)),
      name,
      keepInput: true,
    };
  }

  #unique(wanted: string): string {
    const base = nodeName(wanted);
    let name = base;
    for (let count = 2; this.#names.has(name); count += 1) name = `${base}-${count}`;
    this.#names.add(name);
    return name;
  }

  /** What a kind of Packer's is told of its build besides its own options. */
  #withBuild(
    kind: KindDescriptor,
    options: ComponentOptions,
    { userVariables }: PackerBuild,
  ): ComponentOptions {
    if (!('packer_build_name' in kind.schema.shape)) return options;
    const { plain } = this.#readings;
    return {
      ...options,
      packer_build_name: plain.sourceName,
      packer_builder_type: plain.builder.type,
      ...('packer_sensitive_variables' in kind.schema.shape
        ? { packer_sensitive_variables: this.#context.sensitive }
        : {}),
      ...('packer_force' in kind.schema.shape ? { packer_force: this.#context.force } : {}),
      packer_user_variables: askedVariables(JSON.stringify(options), userVariables),
    };
  }

  /** A kind with options that stand in graph and key; those it runs with are noted where they are others. */
  #use(
    node: string,
    kind: KindDescriptor,
    find: Find,
    pick: (options: ComponentOptions, build: PackerBuild) => ComponentOptions,
    names: readonly string[] = [],
  ): KindUse {
    const { plain, symbolic, elsewhere, running } = this.#readings;
    const read = (build: PackerBuild): ComponentOptions =>
      optionsFor(kind, pick(find(build)?.options ?? {}, build));
    const { origin } = find(plain) ?? plain.builder;
    const readings: OptionReadings = {
      plain: read(plain),
      symbolic: read(symbolic),
      elsewhere: elsewhere === undefined ? undefined : withSameMachine(read(elsewhere)),
    };
    const owner = `${this.#id}/${node}`;
    const stands = standInsOf(readings, this.#context.secrets, owner, (name) => isInKey(kind, name));
    for (const [name, value] of stands.secrets) {
      this.#secrets.push({ name, from: { type: 'value', value }, origin, shown: true });
    }
    const namesOnly = stands.volatile.filter((name) => names.includes(name));
    const inGraph = Object.entries(stands.options).filter(([name]) => !namesOnly.includes(name));
    const parsed = parseUse(kind, Object.fromEntries(inGraph), origin);
    if (!parsed.ok) this.#failures.push(...parsed.failures);
    const id = node === '' ? this.#id : nodeId(this.#id, node);
    this.#written.set(id, { plain: readings.plain, symbolic: readings.symbolic, volatile: stands.moving });
    if (stands.late.length > 0 || stands.secrets.size > 0 || namesOnly.length > 0) {
      this.#late.set(id, (_, facts) => {
        const now = stands.late.length > 0 ? read(running(facts)) : readings.plain;
        return unwrap(parseUse(kind, { ...now }, origin));
      });
    }
    const untracked = reasonOf(stands.volatile.filter((name) => !namesOnly.includes(name)));
    return {
      type: kind.type,
      options: parsed.ok ? parsed.value : {},
      origin,
      ...(untracked === undefined ? {} : { untracked }),
    };
  }

  /** A list of scripts is several steps: each finds its own part of what the step is when it runs. */
  #lateParts(name: string, kind: Kinds['steps']['all'][number], use: KindUse): void {
    const whole = this.#late.get(nodeId(this.#id, name));
    const parts = kind.expand?.(use.options) ?? [];
    if (whole === undefined || parts.every(({ suffix }) => suffix === '')) return;
    for (const { suffix } of parts) {
      const id = nodeId(this.#id, `${name}.${suffix}`);
      this.#late.set(id, (_, facts) => {
        const options = whole(id, facts);
        const part = kind.expand?.(options ?? {}).find((one) => one.suffix === suffix);
        return part?.options;
      });
    }
  }
}

/** The user's variables that texts in JSON ask for; all of them where a name is not written out. */
function askedVariables(
  text: string,
  all: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const calls = [...text.matchAll(/\buser\b\s*(?:`([^`]*)`|\\"([^"\\]*)\\")?/g)];
  const names = new Set(calls.map(([, plain, quoted]) => plain ?? quoted));
  if (!text.includes('{{') || names.size === 0) return {};
  // The word may as well be one of the text itself.
  if (names.has(undefined) && /\{\{[^}]*\buser\b\s*[^\s`\\]/.test(text)) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.has(name)));
}

/** A name of the user's as one that nodes may have. */
const nodeName = (wanted: string): string =>
  wanted
    .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 56) || 'step';

function architectureOf({ origin }: PackerPart): Architecture {
  const architecture = hostArchitecture();
  if (architecture !== undefined) return architecture;
  throw new FailureError({
    reason: 'template-invalid',
    message: `imgpipe does not know the processor of this host (${process.arch})`,
    origin,
  });
}

function reasonOf(volatile: readonly string[]): string | undefined {
  if (volatile.length === 0) return undefined;
  return `${volatile.join(', ')} ${volatile.length === 1 ? 'holds a value' : 'hold values'} that differ${volatile.length === 1 ? 's' : ''} in every run (a time or a random one)`;
}

function noCounterpart(what: string, { type, origin }: { type: string; origin: SourceRange }): Failure {
  return {
    reason: 'unknown-kind',
    message: `imgpipe has no counterpart of the ${what} ${JSON.stringify(type)} yet: it is checked, but cannot run.`,
    origin,
  };
}
