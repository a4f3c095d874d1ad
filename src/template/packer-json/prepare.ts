import type { Failure } from '../../diagnostics/failure.ts';
import type { SourceRange } from '../../diagnostics/source-range.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import { interpolateOptions } from '../packer-hcl/builds/interpolate.ts';
import type { GoFunctions } from '../packer-hcl/go-template/go-value.ts';
import { engineFunctions } from '../packer-hcl/go-template/packer-functions.ts';
import { checkComponent } from '../packer-kinds/check-component.ts';
import type { ComponentOptions, ComponentRole, PackerComponent } from '../packer-kinds/component.ts';
import { describeMissing } from '../packer-kinds/plugins.ts';
import { shapesOf } from '../packer-kinds/shape.ts';
import { componentTypes, findComponent } from '../packer-kinds/table.ts';
import type { JsonObject } from './json-value.ts';
import type { JsonBuilder, JsonPostProcessor, JsonProvisioner, JsonTemplate } from './template.ts';
import type { JsonFacts } from './variables.ts';
import { weakDecode } from './weak-decode.ts';

export interface JsonPreparedComponent {
  readonly type: string;
  readonly kind: PackerComponent | undefined;
  readonly options: ComponentOptions;
  /** Something is wrong with it, so its build cannot run. */
  readonly failed: boolean;
  readonly origin: SourceRange | undefined;
}

export interface JsonPreparedProvisioner extends JsonPreparedComponent {
  readonly written: JsonProvisioner;
  readonly maxRetries: number;
}

export interface JsonPreparedBuild {
  /** Name after `{{ … }}` was rendered. */
  readonly name: string;
  readonly builder: JsonPreparedComponent;
  readonly provisioners: readonly JsonPreparedProvisioner[];
  readonly cleanup: JsonPreparedProvisioner | undefined;
  readonly postProcessors: readonly (readonly (JsonPreparedComponent & {
    readonly written: JsonPostProcessor;
  })[])[];
  /** Something in it is wrong, so it cannot run. */
  readonly failed: boolean;
}

export interface JsonPrepareOutcome {
  readonly builds: readonly JsonPreparedBuild[];
  readonly failures: readonly Failure[];
  readonly warnings: readonly Failure[];
}

export interface JsonPrepareOptions extends JsonFacts {
  readonly variables: ReadonlyMap<string, string>;
  readonly only: readonly string[];
  readonly except: readonly string[];
  /** Values of `{{ build `Name` }}`; one that is not given is `<unknown>`. */
  readonly buildValues?: (name: string) => string | undefined;
}

/** Reads and checks every build of a JSON template that `-only` and `-except` leave. */
export function prepareJsonBuilds(template: JsonTemplate, options: JsonPrepareOptions): JsonPrepareOutcome {
  const failures: Failure[] = [];
  const warnings: Failure[] = [];
  const builds: JsonPreparedBuild[] = [];
  const named = [...template.builders.values()].map((builder) => ({
    builder,
    name: renderedName(builder, template, options, failures),
  }));
  const chosen = named
    .filter(({ name }) => options.only.length === 0 || options.only.includes(name))
    .filter(({ name }) => !options.except.includes(name))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { builder, name } of chosen) {
    const preparer = new Preparer(template, builder, name, options);
    builds.push(preparer.prepare());
    failures.push(...preparer.failures());
    warnings.push(...preparer.warnings);
  }
  return { builds, failures, warnings };
}

function renderedName(
  builder: JsonBuilder,
  template: JsonTemplate,
  options: JsonPrepareOptions,
  failures: Failure[],
): string {
  const functions = engineFunctions({ ...options, userVariables: options.variables });
  const place = template.places.of(builder.written)?.range;
  const rendered = interpolateOptions({ name: builder.name }, new Map(), functions, () => place);
  failures.push(
    ...rendered.failures.map((failure) => ({
      ...failure,
      message: failure.message.replace('"name"', () => `builder '${builder.name}'`),
    })),
  );
  return typeof rendered.options['name'] === 'string' ? rendered.options['name'] : builder.name;
}

const NOUNS: Readonly<Record<ComponentRole, string>> = {
  builder: 'builder',
  provisioner: 'provisioner',
  'post-processor': 'post-processor',
  'data-source': 'data source',
};

/** Options that `packer fix` knows to mend; Packer says so where one is met. */
const MENDED = new Set([
  'ssh_wait_timeout_seconds',
  'ssh_disable_agent',
  'ssh_key_path',
  'iso_md5',
  'filename',
  'login_email',
]);

class Preparer {
  readonly warnings: Failure[] = [];
  readonly #template: JsonTemplate;
  readonly #builder: JsonBuilder;
  readonly #name: string;
  readonly #options: JsonPrepareOptions;
  /** Kinds that are not there: Packer cannot start the build at all. */
  readonly #missing: Failure[] = [];
  readonly #wrong: {
    readonly text: string;
    readonly origin: SourceRange | undefined;
    readonly hint?: string;
  }[] = [];

  constructor(template: JsonTemplate, builder: JsonBuilder, name: string, options: JsonPrepareOptions) {
    this.#template = template;
    this.#builder = builder;
    this.#name = name;
    this.#options = options;
  }

  prepare(): JsonPreparedBuild {
    const { name } = this.#builder;
    const applies = (step: {
      readonly only: readonly string[];
      readonly except: readonly string[];
    }): boolean => (step.only.length > 0 ? step.only.includes(name) : !step.except.includes(name));
    const provisioner = (step: JsonProvisioner): JsonPreparedProvisioner => {
      const maxRetries = this.#retries(step);
      const override = step.override[name];
      const config = { ...step.config, ...(typeof override === 'object' ? override : {}) } as JsonObject;
      return {
        ...this.#component('provisioner', step.type, config, step.written),
        written: step,
        maxRetries,
      };
    };
    const { cleanup } = this.#template;
    const prepared = {
      name: this.#name,
      builder: this.#component('builder', this.#builder.type, this.#builder.config, this.#builder.written),
      provisioners: this.#template.provisioners.filter(applies).map(provisioner),
      cleanup: cleanup === undefined ? undefined : provisioner(cleanup),
      postProcessors: this.#template.postProcessors
        .map((chain) => this.#chain(chain.filter(applies)))
        .filter((chain) => chain.length > 0),
    };
    return { ...prepared, failed: this.failures().length > 0 };
  }

  #chain(chain: readonly JsonPostProcessor[]): (JsonPreparedComponent & { written: JsonPostProcessor })[] {
    const left = chain.findIndex(({ name }) => name !== '' && this.#options.except.includes(name));
    const kept = left === -1 ? chain : chain.slice(0, left);
    return kept.map((step) => ({
      ...this.#component(
        'post-processor',
        step.type,
        step.config,
        typeof step.written === 'object' && step.written !== null ? step.written : undefined,
      ),
      written: step,
    }));
  }

  #retries(step: JsonProvisioner): number {
    if (step.maxRetries === '') return 0;
    const rendered = interpolateOptions(
      { max_retries: step.maxRetries },
      new Map(),
      this.#functions('provisioner'),
      () => undefined,
    );
    const text = String(rendered.options['max_retries']);
    if (/^[+-]?\d+$/.test(text)) return Number(text);
    this.#missing.push(
      this.#initialise(
        `\`max_retries\` must be a valid integer: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
        this.#template.places.ofKey(step.written, 'max_retries')?.range,
      ),
    );
    return 0;
  }

  #functions(role: ComponentRole): GoFunctions {
    const { world, packerVersion, templateDirectory, variables } = this.#options;
    return engineFunctions({
      world,
      packerVersion,
      ...(templateDirectory !== undefined && { templateDirectory }),
      userVariables: variables,
      buildName: this.#builder.name,
      buildType: this.#builder.type,
      extra:
        role === 'builder'
          ? new Map()
          : new Map([['build', { arity: [1, 1] as const, call: ([name]) => this.#buildFact(String(name)) }]]),
    });
  }

  #buildFact(name: string): string {
    return this.#options.buildValues?.(name) ?? '<unknown>';
  }

  #component(
    role: ComponentRole,
    type: string,
    config: JsonObject,
    written: object | undefined,
  ): JsonPreparedComponent {
    const kind = findComponent(role, type);
    const place = written === undefined ? undefined : this.#template.places.of(written)?.range;
    if (kind === undefined) {
      this.#missing.push(this.#unknownKind(role, type, place));
      return { type, kind, options: {}, failed: true, origin: place };
    }
    const shapes = shapesOf(kind.schema);
    const decoded = weakDecode(config, shapes);
    const before = this.#wrong.length;
    const placeOf = (name: string): SourceRange | undefined =>
      written === undefined ? undefined : this.#template.places.ofKey(written, name)?.range;
    for (const text of decoded.errors) this.#wrong.push({ text, origin: place });
    for (const name of decoded.unknown) this.#unknownKey(name, shapes.keys(), placeOf(name));
    const { options, failures } = interpolateOptions(decoded.options, shapes, this.#functions(role), placeOf);
    for (const failure of failures) this.#wrong.push({ text: failure.message, origin: failure.origin });
    if (decoded.errors.length === 0) {
      const { world } = this.#options;
      const { errors, warnings } = checkComponent(kind, options, world);
      for (const text of errors) this.#wrong.push({ text, origin: place });
      for (const text of warnings ?? []) {
        this.warnings.push({
          reason: 'template-invalid',
          message: `Warning when preparing build: ${JSON.stringify(this.#name)}: ${text}`,
          ...(place && { origin: place }),
        });
      }
    }
    return { type, kind, options, failed: this.#wrong.length > before, origin: place };
  }

  #unknownKey(name: string, known: Iterable<string>, origin: SourceRange | undefined): void {
    if (MENDED.has(name)) {
      this.#wrong.push({
        text: `Deprecated configuration key: '${name}'. Please call \`packer fix\` against your template to update your template to be compatible with the current version of Packer. Visit https://www.packer.io/docs/commands/fix/ for more detail.`,
        origin,
      });
      return;
    }
    const near = nearestName(name, known);
    this.#wrong.push({
      text: `unknown configuration key: '"${name}"'`,
      origin,
      ...(near !== undefined && { hint: `Did you mean "${near}"?` }),
    });
  }

  #unknownKind(role: ComponentRole, type: string, origin: SourceRange | undefined): Failure {
    const near = nearestName(type, componentTypes(role));
    return {
      ...this.#initialise(describeMissing(NOUNS[role], type), origin),
      reason: 'unknown-kind',
      ...(near !== undefined && { hint: `Did you mean to use "${near}"?` }),
    };
  }

  #initialise(text: string, origin: SourceRange | undefined): Failure {
    return {
      reason: 'template-invalid',
      message: `Failed to initialize build ${JSON.stringify(this.#name)}: ${text}`,
      ...(origin && { origin }),
    };
  }

  failures(): Failure[] {
    const wrong: Failure[] = this.#wrong.map(({ text, origin, hint }) => ({
      reason: 'template-invalid',
      message: `Failed to prepare build: ${JSON.stringify(this.#name)}\n1 error occurred:\n\t* ${text}`,
      ...(origin && { origin }),
      ...(hint !== undefined && { hint }),
    }));
    return [...this.#missing, ...wrong];
  }
}
