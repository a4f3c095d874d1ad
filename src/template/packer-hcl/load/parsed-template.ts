import type { Failure } from '../../../diagnostics/failure.ts';
import type { EvaluationContext } from '../evaluate/context.ts';
import type { Attribute, Block, Body, Expression } from '../syntax/ast.ts';
import type { Span } from '../syntax/source-text.ts';
import type { Type } from '../values/type.ts';
import type { Value } from '../values/value.ts';

/** A folder or file of Packer's HCL2 form: variables and locals have values, other blocks keep their bodies. */
export interface ParsedPackerTemplate {
  /** Folder of the template, as the user named it. */
  readonly directory: string;
  readonly files: readonly string[];
  readonly requiredVersions: readonly RequiredVersion[];
  readonly requiredPlugins: readonly RequiredPlugin[];
  readonly variables: ReadonlyMap<string, PackerVariable>;
  readonly locals: ReadonlyMap<string, PackerLocal>;
  readonly sources: readonly ComponentBlock[];
  readonly dataSources: readonly ComponentBlock[];
  readonly builds: readonly BuildBlock[];
  readonly registries: readonly Block[];
  /** What the bodies of blocks are evaluated with: `var`, `local`, `path`, `packer`, `source`, `build`, `data`. */
  readonly context: EvaluationContext;
  /** Texts of sensitive variables and locals, which must not be shown. */
  readonly secrets: readonly string[];
}

/** A template with all that is wrong with it; the parts that could be read are there even so. */
export interface LoadOutcome {
  readonly template: ParsedPackerTemplate;
  readonly failures: readonly Failure[];
  /** Those of `failures` that are found before any variable or local has its value: wrong syntax and structure. */
  readonly parseFailures: readonly Failure[];
  readonly warnings: readonly Failure[];
}

/** Where the value of a variable comes from, weakest first. */
export type VariableOrigin = 'unset' | 'default' | 'environment' | 'file' | 'command-line';

export interface VariableDeclaration {
  readonly name: string;
  readonly span: Span;
  /** Of the default when none is declared; `dynamic` without both. */
  readonly type: Type;
  readonly description: string;
  readonly sensitive: boolean;
  readonly default: Value | undefined;
  readonly validations: readonly Validation[];
}

export interface PackerVariable extends VariableDeclaration {
  /** Unknown while unset. */
  readonly value: Value;
  readonly from: VariableOrigin;
}

export interface Validation {
  readonly condition: Expression;
  readonly message: string;
  readonly span: Span;
}

export interface PackerLocal {
  readonly name: string;
  readonly span: Span;
  readonly expression: Expression;
  readonly sensitive: boolean;
  /** Unknown where the expression failed. */
  readonly value: Value;
  readonly failed: boolean;
}

/** A `source` or `data` block. */
export interface ComponentBlock {
  readonly type: string;
  readonly name: string;
  readonly span: Span;
  readonly body: Body;
}

export interface BuildBlock {
  readonly name: string | undefined;
  readonly description: string;
  readonly sources: readonly BuildSource[];
  /** provisioner, error-cleanup-provisioner, post-processor and post-processors blocks, in their order. */
  readonly steps: readonly Block[];
  readonly registry: Block | undefined;
  readonly span: Span;
}

/** A source that a build uses, with the attributes that only this build adds. */
export interface BuildSource {
  readonly type: string;
  readonly name: string;
  /** Set by `name` of a source block inside a build. */
  readonly localName: string | undefined;
  readonly body: Body | undefined;
  readonly span: Span;
}

export interface RequiredVersion {
  readonly constraint: string;
  readonly span: Span;
}

export interface RequiredPlugin {
  readonly name: string;
  readonly source: string;
  readonly version: string;
  readonly attribute: Attribute;
}
