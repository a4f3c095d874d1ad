import type * as z from 'zod';
import type { Failure } from '../diagnostics/failure.ts';
import { suggestName } from '../diagnostics/nearest-name.ts';
import type { CheckSpec, ExportSpec, PostSpec, StepSpec } from '../model/pipeline.ts';
import type { KindDescriptor } from '../schema/kind.ts';
import type { KindTable } from '../schema/kind-table.ts';
import type { Kinds, MadeFile } from '../schema/kinds.ts';
import { lazyRange, subLocator, type Locator } from '../schema/locator.ts';
import { agrees, checkWhen, type Scalar, type Variant } from './matrix.ts';
import type { PipelineHeadFields } from './resolve-head.ts';
import { pathOfText, resolveUse, type ResolvedUse } from './resolve-use.ts';
import { defaultName, NameGiver } from './step-names.ts';
import { checkFields, exportFields, postFields, stepFields } from './template-schema.ts';

type Raw = Readonly<Record<string, unknown>>;

export interface NamedRequest {
  readonly head: PipelineHeadFields;
  readonly kinds: Kinds;
  readonly variant: Variant;
  /** Declared secrets and sensitive variables. */
  readonly secretNames: readonly string[];
}

export interface NamedLists<Step, Export, Check> {
  readonly steps: readonly Step[];
  /** Runs when a step has failed for good. */
  readonly cleanup?: Step | undefined;
  readonly exports: readonly Export[];
  readonly checks: readonly Check[];
}

/** Names that nodes of every pipeline have. */
const RESERVED = ['source', 'seal', 'disk'];

interface Item<Kind, Fields extends z.ZodObject> extends ResolvedUse<Kind, Fields> {
  readonly locate: Locator;
  readonly subject: string;
}

/** The steps, exports and checks of one variant, each with a name of its own in the pipeline. */
export function resolveNamed(
  request: NamedRequest,
  raw: NamedLists<Raw, Raw, Raw>,
  failures: Failure[],
): NamedLists<StepSpec, ExportSpec, CheckSpec> {
  const { kinds } = request;
  const before = failures.length;
  const explicit = new Map<string, Locator>();
  const list = <
    Kind extends KindDescriptor,
    Fields extends typeof stepFields | typeof exportFields | typeof checkFields,
  >(
    table: KindTable<Kind>,
    fields: Fields,
    field: string,
    entries: readonly Raw[],
  ): Item<Kind, Fields>[] =>
    entries.flatMap((entry, index) => {
      const locate = subLocator(request.head.parsed.locate, [field, index]);
      const subject = `${table.sort} ${typeof entry['name'] === 'string' ? `"${entry['name']}"` : index + 1}`;
      if (!applies(entry, request, subject, locate, failures)) return [];
      const use = resolveUse({ table, fields, raw: entry, locate, subject }, failures);
      const name = entry['name'];
      if (typeof name === 'string') claim(name, locate, explicit, failures);
      return use === undefined ? [] : [{ ...use, locate, subject }];
    });
  const steps = list(kinds.steps, stepFields, 'steps', raw.steps);
  const exports = list(kinds.exports, exportFields, 'exports', raw.exports);
  const checks = list(kinds.checks, checkFields, 'checks', raw.checks);
  const cleanup = resolveCleanup(request, raw.cleanup, failures);

  const names = new NameGiver([...RESERVED, ...explicit.keys()]);
  const nameOf = (item: Item<KindDescriptor, z.ZodObject>, fallback: string): string =>
    typeof item.fields['name'] === 'string' ? item.fields['name'] : names.free(fallback);
  const useOf = (item: Item<KindDescriptor, z.ZodObject>) => ({
    type: item.kind.type,
    options: item.options,
    origin: lazyRange(() => item.locate(['type']), item.locate),
  });

  const stepNames = steps.map((step) => nameOf(step, defaultName(step.kind.type, step.options)));
  const exportNames = exports.map((item) => nameOf(item, item.kind.type));
  // A step with a mistake has no name of its own yet; what needs it is not wrong for that.
  const broken = failures.length > before;
  const mayBeBroken = (name: string): boolean =>
    broken && raw.steps.some(({ type }) => name === type || name.startsWith(`${String(type)}-`));
  const everyStep = [
    ...stepNames,
    ...raw.steps.flatMap((step) => (typeof step['name'] === 'string' ? [step['name']] : [])),
  ];
  const everyExport = [
    ...exportNames,
    ...raw.exports.flatMap((item) => (typeof item['name'] === 'string' ? [item['name']] : [])),
  ];
  for (const step of steps) checkSecrets(step, step.kind.secrets?.(step.options) ?? [], request, failures);
  for (const item of exports) checkSecrets(item, item.kind.secrets?.(item.options) ?? [], request, failures);
  return {
    steps: steps.map((step, index): StepSpec => {
      const { needs, fresh } = step.fields;
      const known = needs?.filter(
        (name, at) =>
          !mayBeBroken(name) &&
          isKnown(name, everyStep, step, ['needs', at], failures) &&
          stepNames.includes(name),
      );
      return {
        ...useOf(step),
        name: stepNames[index] ?? '',
        ...(fresh === undefined ? {} : { freshMs: fresh }),
        ...(known === undefined ? {} : { needs: known }),
        ...untrackedOf(step.fields),
        run: runSettings(step.fields),
      };
    }),
    ...(cleanup === undefined
      ? {}
      : {
          cleanup: {
            ...useOf(cleanup),
            name: nameOf(cleanup, 'clean-up'),
            ...untrackedOf(cleanup.fields),
            run: runSettings(cleanup.fields),
          },
        }),
    exports: exports.map((item, index): ExportSpec => {
      const name = exportNames[index] ?? '';
      const { fileName, keep, latest, post, chains } = item.fields;
      const posts = new PostResolver(item, name, request, failures);
      if (chains !== undefined && post.length > 0) failures.push(chainsOrPost(item));
      return {
        ...useOf(item),
        name,
        ...(fileName === undefined ? {} : { fileName }),
        ...(keep === undefined ? {} : { keep }),
        ...(latest ? { latest } : {}),
        ...untrackedOf(item.fields),
        ...(post.length === 0 ? {} : { post: posts.resolve(post, ['post']) }),
        ...(chains === undefined
          ? {}
          : { chains: chains.map((chain, at) => posts.resolve(chain, ['chains', at])) }),
      };
    }),
    checks: checks.map((item): CheckSpec => {
      const target = item.fields.export;
      if (target !== undefined) isKnown(target, everyExport, item, ['export'], failures);
      return {
        ...useOf(item),
        name: nameOf(item, item.kind.type),
        ...(target === undefined ? {} : { export: target }),
      };
    }),
  };
}

type StepFields = z.output<typeof stepFields>;

function runSettings({ timeout, retries, continueOnError, pauseBefore }: StepFields): StepSpec['run'] {
  return {
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(pauseBefore === undefined ? {} : { pauseBeforeMs: pauseBefore }),
    retries,
    continueOnError,
  };
}

const untrackedOf = ({ untracked }: { readonly untracked?: string | undefined }) =>
  untracked === undefined ? {} : { untracked };

/** The clean-up step: it has no place among the others, so it needs none of them and is in every variant. */
function resolveCleanup(
  request: NamedRequest,
  raw: Raw | undefined,
  failures: Failure[],
): Item<Kinds['steps']['all'][number], typeof stepFields> | undefined {
  if (raw === undefined) return undefined;
  const locate = subLocator(request.head.parsed.locate, ['cleanup']);
  const subject = 'cleanup';
  const table = request.kinds.steps;
  const use = resolveUse({ table, fields: stepFields, raw, locate, subject }, failures);
  for (const field of ['needs', 'when'] as const) {
    if (use?.fields[field] === undefined) continue;
    failures.push({
      reason: 'template-invalid',
      message: `cleanup: \`${field}\` has no meaning for a step that runs after a failure only`,
      origin: locate([field], 'key'),
      hint: 'Leave it out.',
    });
  }
  if (use === undefined) return undefined;
  checkSecrets({ ...use, locate, subject }, use.kind.secrets?.(use.options) ?? [], request, failures);
  return { ...use, locate, subject };
}

function chainsOrPost(item: Item<KindDescriptor, z.ZodObject>): Failure {
  return {
    reason: 'template-invalid',
    message: `${item.subject} (${item.kind.type}): \`post\` and \`chains\` exclude each other`,
    origin: item.locate(['chains'], 'key'),
    hint: 'Make `post` the first of the `chains`.',
  };
}

/** The post-processors of one export, each with a name of its own among them. */
class PostResolver {
  readonly #item: Item<Kinds['exports']['all'][number], z.ZodObject>;
  readonly #exportName: string;
  readonly #request: NamedRequest;
  readonly #failures: Failure[];
  readonly #names = new NameGiver([]);
  readonly #given = new Map<string, Locator>();

  constructor(
    item: Item<Kinds['exports']['all'][number], z.ZodObject>,
    exportName: string,
    request: NamedRequest,
    failures: Failure[],
  ) {
    this.#item = item;
    this.#exportName = exportName;
    this.#request = request;
    this.#failures = failures;
  }

  /** @param path of the list in the export */
  resolve(entries: readonly Raw[], path: readonly (string | number)[]): PostSpec[] {
    const { kind: exporter, options: exportOptions } = this.#item;
    let made: MadeFile | undefined = {
      extension: exporter.extension(exportOptions),
      isFolder: exporter.isFolder?.(exportOptions) ?? false,
    };
    return entries.flatMap((raw, index): PostSpec[] => {
      const locate = subLocator(this.#item.locate, [...path, index]);
      const subject = `export "${this.#exportName}": post-processor ${index + 1}`;
      const use = resolveUse(
        { table: this.#request.kinds.posts, fields: postFields, raw, locate, subject },
        this.#failures,
      );
      if (use === undefined) return [];
      const { kind, options, fields } = use;
      checkSecrets({ ...use, locate, subject }, kind.secrets?.(options) ?? [], this.#request, this.#failures);
      const { keepInput } = kind;
      const refusal = made && kind.refuses?.(made);
      // Of what comes out of one that does more than add files nothing is known.
      if (!(keepInput.default && keepInput.forced === true)) made = undefined;
      if (refusal !== undefined) {
        this.#failures.push({
          reason: 'template-invalid',
          message: `${subject} (${kind.type}): ${refusal.message}`,
          origin: locate([refusal.option ?? 'type']),
          hint: refusal.hint,
        });
      }
      if (keepInput.forced === true && fields.keepInput === !keepInput.default) {
        this.#failures.push({
          reason: 'template-invalid',
          message: `${subject} (${kind.type}): \`keepInput\` is always ${String(keepInput.default)} with ${kind.type}`,
          origin: locate(['keepInput']),
          hint: 'Leave it out.',
        });
      }
      return [
        {
          type: kind.type,
          options,
          ...untrackedOf(fields),
          origin: lazyRange(() => locate(['type']), locate),
          name: `${this.#exportName}.${this.#nameOf(fields.name, kind.type, locate)}`,
          keepInput: fields.keepInput ?? keepInput.default,
        },
      ];
    });
  }

  #nameOf(given: string | undefined, type: string, locate: Locator): string {
    if (given === undefined) return this.#names.free(type);
    const first = this.#given.get(given);
    if (first === undefined && this.#names.free(given) === given) this.#given.set(given, locate);
    else {
      this.#failures.push({
        reason: 'duplicate-name',
        message: `two post-processors of the export "${this.#exportName}" have the name "${given}"`,
        origin: locate(['name']),
        ...(first === undefined ? {} : { related: [{ message: 'the first one', range: first(['name']) }] }),
        hint: 'Choose another name.',
      });
    }
    return given;
  }
}

/** Whether an entry's `when` holds in this variant. A `when` of the wrong form is left to its schema. */
function applies(
  entry: Raw,
  request: NamedRequest,
  subject: string,
  locate: Locator,
  failures: Failure[],
): boolean {
  const when = entry['when'];
  if (typeof when !== 'object' || when === null || Array.isArray(when)) return true;
  const condition = when as Readonly<Record<string, Scalar | readonly Scalar[]>>;
  if (
    !Object.values(condition)
      .flat()
      .every((value) => ['string', 'number', 'boolean'].includes(typeof value))
  )
    return true;
  failures.push(...checkWhen(condition, request.head.variants, subject, locate));
  return agrees(request.variant, condition);
}

function claim(name: string, locate: Locator, taken: Map<string, Locator>, failures: Failure[]): void {
  const first = taken.get(name);
  if (first === undefined && !RESERVED.includes(name)) {
    taken.set(name, locate);
    return;
  }
  failures.push({
    reason: 'duplicate-name',
    message:
      first === undefined
        ? `the name "${name}" is reserved`
        : `two things of this pipeline have the name "${name}"`,
    origin: locate(['name']),
    ...(first === undefined ? {} : { related: [{ message: 'the first one', range: first(['name']) }] }),
    hint: 'Choose another name.',
  });
}

function isKnown(
  name: string,
  known: readonly string[],
  item: Item<KindDescriptor, z.ZodObject>,
  path: readonly (string | number)[],
  failures: Failure[],
): boolean {
  if (known.includes(name)) return true;
  const noun = path[0] === 'needs' ? 'step' : 'export';
  const hint = suggestName(name, new Set(known), `${noun}s`);
  failures.push({
    reason: 'template-invalid',
    message: `${item.subject} (${item.kind.type}): ${String(path[0])}: there is no ${noun} "${name}"`,
    origin: item.locate(path),
    ...(hint === undefined ? {} : { hint }),
  });
  return false;
}

function checkSecrets(
  item: Item<KindDescriptor, z.ZodObject>,
  used: readonly string[],
  request: NamedRequest,
  failures: Failure[],
): void {
  for (const name of used) {
    if (request.secretNames.includes(name)) continue;
    const hint = suggestName(name, request.secretNames, 'secrets') ?? `Declare it under \`secrets\`.`;
    failures.push({
      reason: 'secret-missing',
      message: `${item.subject} (${item.kind.type}): the secret "${name}" is not declared`,
      origin: item.locate(pathOfText(item.options, name) ?? []),
      hint,
    });
  }
}
