import type { SourceRange } from '../diagnostics/source-range.ts';
import type { NodeId } from './ids.ts';
import type { Architecture } from './platform.ts';

/** A kind name with validated, fully resolved options. */
export interface KindUse {
  /** Name of the kind, e.g. `package`, `bootstrap`, `qcow2`. */
  readonly type: string;
  /** Options as the kind's schema gives them out: defaults filled in, variables replaced. JSON-serialisable. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Where the user wrote it. */
  readonly origin: SourceRange;
}

/** A step of a pipeline as the user wrote it, after validation. */
export interface StepSpec extends KindUse {
  readonly name: string;
  /** Names of steps that must lie below this one. Undefined: the kind's default (see DESIGN, §4.4). */
  readonly needs?: readonly string[];
  readonly run: RunSettings;
}

/** Settings of any step that steer how it runs, not what it makes; never part of a key. */
export interface RunSettings {
  /** Longest run of the step, in milliseconds. */
  readonly timeoutMs?: number;
  /** How often a failed step starts again, each time from its parents' clean layers. */
  readonly retries: number;
  /** Lets the pipeline go on without this step's layer when it fails. */
  readonly continueOnError: boolean;
}

export interface ExportSpec extends KindUse {
  readonly name: string;
}

export interface CheckSpec extends KindUse {
  readonly name: string;
  /** Name of the export whose file is checked. Undefined: the first that can boot. */
  readonly export?: string;
}

/** How the disk of an image is laid out. Sizes in bytes. */
export interface DiskSpec {
  /** Size of the whole disk; `fit` takes what the files need plus `free`. */
  readonly size: number | 'fit';
  /** Free space in the root file system when the size is `fit`. */
  readonly free: number;
  readonly espSize: number;
  readonly firmware: 'bios' | 'uefi' | 'both';
  /** Kernel command line, after `root=`; `kernel-args` steps add to it. */
  readonly kernelArgs: readonly string[];
  readonly origin: SourceRange;
}

/** One image to be made: a pipeline, in one variant of its matrix. */
export interface Pipeline {
  /** `debian-web`, or with a matrix `debian-web[arm64,prod]`. Unique in a project. */
  readonly id: string;
  /** The name without the variant. */
  readonly name: string;
  readonly description?: string;
  /** Values of the matrix axes of this variant. */
  readonly matrix: Readonly<Record<string, string>>;
  readonly architecture: Architecture;
  /** Seconds since 1970 to which newer times are clamped. */
  readonly sourceDateEpoch: number;
  readonly source: KindUse;
  readonly steps: readonly StepSpec[];
  readonly disk: DiskSpec;
  readonly exports: readonly ExportSpec[];
  readonly checks: readonly CheckSpec[];
  /** Folder against which the template's relative host paths are resolved (absolute). */
  readonly directory: string;
  readonly origin: SourceRange;
}

/** Everything the chosen templates say, validated and with variables resolved. */
export interface Template {
  readonly pipelines: readonly Pipeline[];
  /** Secrets by name; values only in memory. Options refer to them by name, never by value. */
  readonly secrets: readonly SecretSpec[];
}

/** A declared secret: where its value comes from. Part of a key only as a keyed hash. */
export interface SecretSpec {
  readonly name: string;
  readonly from:
    | { readonly type: 'env'; readonly variable: string }
    | { readonly type: 'file'; readonly path: string }
    | { readonly type: 'command'; readonly argv: readonly string[] }
    /** A `sensitive` template variable: the value itself. Never serialised. */
    | { readonly type: 'value'; readonly value: string };
  readonly origin?: SourceRange;
}

export const nodeId = (pipelineId: string, name: string): NodeId => `${pipelineId}/${name}` as NodeId;
