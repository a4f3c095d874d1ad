import type { Failure } from '../../diagnostics/failure.ts';
import type { SourceRange } from '../../diagnostics/source-range.ts';
import { type KindUse, nodeId, type Pipeline, type PostSpec, type StepSpec } from '../../model/pipeline.ts';
import type { WrittenOptions } from '../packer-lower/lower-build.ts';
import { type LoweredPacker, lowerPacker, type LowerOptions } from '../packer-lower/lower.ts';
import { SecretFinder } from '../packer-lower/stand-ins.ts';
import type { CommentsOf } from './comments.ts';
import { findInputs, type FoundInputs } from './find-inputs.ts';
import { holdsFactsAsTheyAre, isExplained, isRecord, textWithReferences } from './option-texts.ts';

/** A template of ours as plain data, with what has to be said of it. */
export interface ConvertedTemplate {
  /** One for each build. */
  readonly pipelines: readonly Written[];
  /** By the place of a part in `pipelines`. */
  readonly comments: readonly { readonly path: readonly (string | number)[]; readonly text: string }[];
  /** What it must be the same as: the template with these values, given as on the command line. */
  readonly lowered: LoweredPacker;
  /** Values of the variables that stayed variables, as they are now. */
  readonly values: ReadonlyMap<string, string>;
  /** What is not as it was, one sentence each. */
  readonly notes: readonly string[];
  /** Parts that cannot be expressed. */
  readonly failures: readonly Failure[];
}

type Written = Readonly<Record<string, unknown>>;

export interface ConvertRequest {
  readonly lowered: LoweredPacker;
  /** What it was lowered with. */
  readonly options: LowerOptions;
  readonly comments: CommentsOf;
  /** Folder from which host paths go, as the new template shall name it; undefined: its own. */
  readonly directory: string | undefined;
  /** Architecture that pipelines have when they name none. */
  readonly architecture: string | undefined;
}

/** Writes the builds of a template of Packer's as pipelines of ours. */
export function convertTemplate(request: ConvertRequest): ConvertedTemplate {
  const { options, lowered } = request;
  const found = findInputs(options, lowered);
  const values = new Map(found.inputs.map(({ name, value }) => [name, value]));
  // A default may be of the moment; what is given is not.
  const given = lowerPacker({ ...options, reader: options.reader.withValues(values) });
  return new Conversion({ ...request, lowered: given }, found).convert();
}

class Conversion {
  readonly #request: ConvertRequest;
  readonly #found: FoundInputs;
  readonly #secrets: SecretFinder;
  readonly #failures: Failure[] = [];
  readonly #comments: { path: readonly (string | number)[]; text: string }[] = [];
  readonly #notes: string[] = [];
  readonly #used = new Set<string>();

  constructor(request: ConvertRequest, found: FoundInputs) {
    this.#request = request;
    this.#found = found;
    this.#secrets = new SecretFinder(request.options.reader.secrets);
  }

  convert(): ConvertedTemplate {
    const { template } = this.#request.lowered;
    const pipelines = template.pipelines.map((pipeline, index) => this.#pipeline(pipeline, index));
    this.#noteInputs();
    const values = this.#found.inputs.filter(({ name }) => this.#used.has(name));
    return {
      pipelines,
      lowered: this.#request.lowered,
      comments: this.#comments,
      values: new Map(values.map(({ name, value }) => [name, value])),
      notes: this.#notes,
      failures: this.#failures,
    };
  }

  #pipeline(pipeline: Pipeline, index: number): Written {
    const { id, builder, source, steps, cleanup, exports, architecture } = pipeline;
    const { directory } = this.#request;
    const used = new Set<string>();
    const use = (kind: KindUse, node: string, what: string): Written => this.#use(kind, node, what, used);
    const builderUse =
      builder === undefined ? {} : { builder: use(builder, id, `builder "${builder.type}"`) };
    const parts = {
      ...builderUse,
      source: use(source, nodeId(id, 'source'), `source "${source.type}"`),
      ...(steps.length === 0
        ? {}
        : { steps: steps.map((step, at) => this.#step(id, step, [index, 'steps', at], use)) }),
      ...(cleanup === undefined ? {} : { cleanup: this.#step(id, cleanup, [index, 'cleanup'], use) }),
      exports: exports.map((item, at) => ({
        ...use(item, nodeId(id, item.name), `artifact "${item.type}"`),
        name: item.name,
        ...((item.chains ?? []).length === 0
          ? {}
          : {
              chains: (item.chains ?? []).map((chain, number) =>
                chain.map((post, place) =>
                  this.#post(id, item.name, post, [index, 'exports', at, 'chains', number, place], use),
                ),
              ),
            }),
      })),
    };
    const variables = this.#variables(used);
    this.#comment(pipeline.origin, [index]);
    return {
      name: id,
      ...(Object.keys(variables).length === 0 ? {} : { variables }),
      ...(architecture === this.#request.architecture ? {} : { architecture }),
      ...(directory === undefined ? {} : { directory }),
      outputFolder: false,
      ...parts,
    };
  }

  #step(id: string, step: StepSpec, path: readonly (string | number)[], use: Use): Written {
    const { retries, timeoutMs, pauseBeforeMs, continueOnError } = step.run;
    this.#comment(step.origin, path);
    const { type, ...options } = use(step, nodeId(id, step.name), `provisioner "${packerName(step.type)}"`);
    return {
      type,
      name: step.name,
      ...(pauseBeforeMs === undefined ? {} : { pauseBefore: pauseBeforeMs / 1000 }),
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs / 1000 }),
      ...(retries === 0 ? {} : { retries }),
      ...(continueOnError ? { continueOnError } : {}),
      ...options,
    };
  }

  #post(
    id: string,
    exportName: string,
    post: PostSpec,
    path: readonly (string | number)[],
    use: Use,
  ): Written {
    this.#comment(post.origin, path);
    const { type, ...options } = use(
      post,
      nodeId(id, post.name),
      `post-processor "${packerName(post.type)}"`,
    );
    const kind = this.#request.options.kinds.posts.mustGet(post.type);
    if (!kind.keepInput.default)
      this.#note(`${packerName(post.type)}: Packer deletes the files that it works on; here they stay.`);
    return {
      type,
      name: post.name.slice(exportName.length + 1),
      ...(kind.keepInput.default ? {} : { keepInput: true }),
      ...options,
    };
  }

  #use(kind: KindUse, node: string, what: string, used: Set<string>): Written {
    const { lowered } = this.#request;
    const { inputs, marked } = this.#found;
    const { plain, symbolic } = lowered.written.get(node) ?? NOTHING;
    const shown = marked.written.get(node);
    const refuse = (name: string, why: string, hint: string): void => {
      const message = `${what}: ${name} ${why}.`;
      this.#failures.push({ reason: 'template-invalid', message, origin: kind.origin, hint });
    };
    const options = Object.entries(symbolic)
      .filter(isTelling)
      .map(([name, value]) => {
        const hasMarks = shown !== undefined && isExplained(value, shown.symbolic[name], inputs);
        if (!holdsFactsAsTheyAre(plain[name], value)) {
          refuse(
            name,
            'is made of facts of the machine (build.…) by a function or a condition',
            'An imgpipe template can only put them into a text as they are.',
          );
        } else if (shown?.volatile.includes(name) === true) {
          refuse(
            name,
            'holds a value that differs in every run (a time or a random one)',
            'Make it a variable with a default, and give its value with -var.',
          );
        }
        const source = hasMarks ? shown.symbolic[name] : value;
        const written = this.#value(source, used, (why, hint) => refuse(name, why, hint));
        return [name, written] as const;
      });
    return {
      type: kind.type,
      ...(kind.untracked === undefined ? {} : { untracked: kind.untracked }),
      ...Object.fromEntries(options),
    };
  }

  #value(value: unknown, used: Set<string>, refuse: (why: string, hint: string) => void): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#value(item, used, refuse));
    if (isRecord(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [name, this.#value(item, used, refuse)]),
      );
    }
    if (typeof value !== 'string') return value;
    const inputs = this.#found.inputs.filter(({ mark }) => value.includes(mark));
    const bare = inputs.reduce((text, { mark }) => text.replaceAll(mark, ''), value);
    if (this.#secrets.has(bare)) {
      refuse(
        'holds a secret that is not the plain value of a text variable',
        'Use a sensitive variable of type string as it is, so that the value itself stays out of the template.',
      );
    }
    const text = textWithReferences(value, inputs);
    if (text === undefined) {
      refuse('has a "$" right before a value that is put in', 'Write the text in another way.');
      return value;
    }
    for (const { name } of inputs) used.add(name);
    return text;
  }

  #variables(used: ReadonlySet<string>): Written {
    const declared = this.#request.options.reader.inputs.filter(({ name }) => used.has(name));
    for (const { name } of declared) this.#used.add(name);
    return Object.fromEntries(
      declared.map(({ name, description, sensitive, default: value }) => [
        name,
        {
          type: 'string',
          ...(description === '' ? {} : { description }),
          ...(sensitive ? { sensitive } : {}),
          ...(value === undefined || sensitive ? {} : { default: value }),
        },
      ]),
    );
  }

  #noteInputs(): void {
    const { inputs } = this.#request.options.reader;
    for (const { name, sensitive } of inputs) {
      if (sensitive && this.#used.has(name))
        this.#note(
          `Variable ${name}: it is sensitive, so no value of it is written; give it with IMGPIPE_VAR_${name}.`,
        );
    }
    for (const { name, lost } of inputs) {
      if (lost !== undefined && this.#used.has(name))
        this.#note(`Variable ${name}: its ${lost} has no words in an imgpipe template and is left out.`);
    }
    const decided = inputs.filter(({ name }) => !this.#used.has(name)).map(({ name }) => name);
    if (decided.length > 0) {
      this.#note(
        `Decided now, with the values of now, as they are not used or do more than stand in a text: ${decided.join(', ')}.`,
      );
    }
  }

  #note(text: string): void {
    if (!this.#notes.includes(text)) this.#notes.push(text);
  }

  #comment(origin: SourceRange, path: readonly (string | number)[]): void {
    const text = this.#request.comments(origin);
    if (text !== undefined) this.#comments.push({ path, text });
  }
}

const NOTHING: WrittenOptions = { plain: {}, symbolic: {}, volatile: [] };

type Use = (kind: KindUse, node: string, what: string) => Written;

/** What is told of a build only where it says something; its default is the same. */
const isTelling = ([name, value]: readonly [string, unknown]): boolean =>
  !(name === 'packer_force' && value === false) &&
  !(name === 'packer_user_variables' && isRecord(value) && Object.keys(value).length === 0);

/** The name that a kind has for Packer. */
const packerName = (type: string): string => type.replace(/^packer-/, '');
