import type * as z from 'zod';
import type {
  checkFields,
  exportFields,
  postFields,
  sourceFields,
  stepFields,
  templateFields,
  variableSchema,
} from './template-schema.ts';

/** Marks what `definePipeline` gives; the same for every copy of imgpipe a project may have loaded. */
const PIPELINE = Symbol.for('imgpipe.pipeline');

type Scalar = string | number | boolean;

/** Declared variables of a template, by name. */
export type Variables = Readonly<Record<string, z.input<typeof variableSchema>>>;
/** Matrix axes with their values; `include` and `exclude` are no axes. */
export type Matrix = Readonly<
  Record<string, readonly Scalar[] | readonly Readonly<Record<string, Scalar>>[]>
>;

interface ScalarTypes {
  readonly string: string;
  readonly number: number;
  readonly bool: boolean;
}

type ItemsOf<Declaration> = Declaration extends { readonly items: infer Items extends keyof ScalarTypes }
  ? ScalarTypes[Items]
  : string;

/** What the body sees of one declared variable. */
export type VariableValue<Declaration> = Declaration extends { readonly sensitive: true }
  ? SecretMark
  : Declaration extends { readonly type: 'list' }
    ? readonly ItemsOf<Declaration>[]
    : Declaration extends { readonly type: 'map' }
      ? Readonly<Record<string, ItemsOf<Declaration>>>
      : Declaration extends { readonly type: infer Type extends keyof ScalarTypes }
        ? ScalarTypes[Type]
        : string;

/** A sensitive variable: it can only be given to options that take a secret. */
export interface SecretMark {
  readonly secret: string;
}

/** What the body of a pipeline is made from, once for every variant. */
export interface BodyContext<V = Variables, M = Matrix> {
  readonly vars: { readonly [Name in keyof V]: VariableValue<V[Name]> };
  readonly matrix: {
    readonly [Axis in Exclude<keyof M, 'include' | 'exclude'>]: M[Axis] extends readonly (infer Value)[]
      ? Value
      : never;
  };
  readonly pipeline: { readonly name: string; readonly id: string };
}

/** Options of kinds by name, as users write them. */
export interface KindInputs {
  readonly sources: object;
  readonly steps: object;
  readonly exports: object;
  readonly posts: object;
  readonly checks: object;
  readonly builders: object;
}

type Common<Fields extends z.ZodObject> = Omit<z.input<Fields>, 'type'>;
/** One entry for every kind, told apart by `type`. */
type Use<Inputs, Fields> = {
  [Type in keyof Inputs & string]: { readonly type: Type } & Inputs[Type] & Omit<Fields, keyof Inputs[Type]>;
}[keyof Inputs & string];

type Field<Name extends keyof typeof templateFields> = z.input<(typeof templateFields)[Name]>;

/** What is known before anything is resolved. */
export interface PipelineHead<V extends Variables, M extends Matrix> {
  /** Name of the pipeline. Default: the name of the file or folder. */
  readonly name?: Field<'name'>;
  /** What the image is for. */
  readonly description?: Field<'description'>;
  /** Values that a build may be given, by name. */
  readonly variables?: V;
  /** Secret values, by name. They never enter a layer, log or key. */
  readonly secrets?: Field<'secrets'>;
  /** Axes with their values: one image for every combination. */
  readonly matrix?: M;
}

/** What is done in one variant. */
export interface PipelineBody<Kinds extends KindInputs> {
  /** Architecture of the image. Default: the matrix axis `architecture`, else the config, else this machine. */
  readonly architecture?: Field<'architecture'>;
  /** Folder from which relative host paths go, relative to that of the template. Default: the template's. */
  readonly directory?: Field<'directory'>;
  /** Whether its files go into the output folder. Default: true. */
  readonly outputFolder?: Field<'outputFolder'>;
  /** Newest time in the image, in seconds since 1970. */
  readonly sourceDateEpoch?: Field<'sourceDateEpoch'>;
  /** Where the steps run. Default: `rootfs`, a sandbox on layers of files. */
  readonly builder?: { readonly type: 'rootfs' } | Use<Kinds['builders'], unknown>;
  /** What the image begins with. */
  readonly source: Use<Kinds['sources'], Common<typeof sourceFields>>;
  /** What is done, in this order. */
  readonly steps?: readonly Use<Kinds['steps'], Common<typeof stepFields>>[];
  /** Runs in the machine when a step has failed for good. */
  readonly cleanup?: Use<Kinds['steps'], Omit<Common<typeof stepFields>, 'needs' | 'when'>>;
  /** Layout of the disk. */
  readonly disk?: Field<'disk'>;
  /** Files that are made of the image. */
  readonly exports?: readonly Use<
    Kinds['exports'],
    Omit<Common<typeof exportFields>, 'post' | 'chains'> & {
      /** What is done with the file, in this order. */
      readonly post?: readonly Use<Kinds['posts'], Common<typeof postFields>>[];
      /** Instead of `post`: several lists, each of which begins with the file. */
      readonly chains?: readonly (readonly Use<Kinds['posts'], Common<typeof postFields>>[])[];
    }
  >[];
  /** Tests of the finished image. */
  readonly checks?: readonly Use<Kinds['checks'], Common<typeof checkFields>>[];
}

/**
 * Declares a pipeline. One with variables or a matrix gives them first, and the rest as a function of their values,
 * which is called once for every variant and must depend on nothing but its argument:
 *
 *     export default definePipeline(
 *       { variables: { page: { type: 'string', default: 'hello' } } },
 *       ({ vars }) => ({ source: …, steps: [{ type: 'file', path: '/srv/page', content: vars.page }] }),
 *     );
 */
export interface DefinePipeline<Kinds extends KindInputs> {
  (pipeline: PipelineHead<Record<never, never>, Matrix> & PipelineBody<Kinds>): PipelineDefinition;
  <const V extends Variables = Record<never, never>, const M extends Matrix = Record<never, never>>(
    head: PipelineHead<V, M>,
    body: (context: BodyContext<V, M>) => PipelineBody<Kinds>,
  ): PipelineDefinition;
}

/** A pipeline as a template exports it; opaque to templates. */
export interface PipelineDefinition {
  readonly head: unknown;
  readonly body?: (context: BodyContext) => unknown;
  /** Its `stack` tells where `definePipeline` was called. Only read when something is wrong. */
  readonly site: { readonly stack?: string };
}

/** The function behind every `DefinePipeline`: keeps its arguments and, cheaply, notes who called it. */
export function definePipeline(head: unknown, body?: (context: never) => unknown): PipelineDefinition {
  const site: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(site, definePipeline);
  Error.stackTraceLimit = limit;
  return { [PIPELINE]: true, head, body, site } as PipelineDefinition;
}

export function isPipelineDefinition(value: unknown): value is PipelineDefinition {
  return typeof value === 'object' && value !== null && PIPELINE in value;
}
