import type { Pipeline } from '../model/pipeline.ts';
import type { KindDescriptor } from './kind.ts';
import type { KindTable } from './kind-table.ts';

/** Options after parsing by the kind's own schema. */
type ParsedOptions = Record<string, unknown>;

/** What the template and the graph need to know of a step kind; `ProvisionerKind` is one. */
export interface StepKind extends KindDescriptor {
  readonly effect: (options: ParsedOptions) => 'write' | 'run';
  readonly expand?: (
    options: ParsedOptions,
  ) => readonly { readonly suffix: string; readonly options: ParsedOptions; readonly option?: string }[];
  readonly secrets?: (options: ParsedOptions) => readonly string[];
}

/** What the template and the graph need to know of a source kind; the rooms' own is richer. */
export interface SourceLikeKind extends KindDescriptor {
  /** Builders that can begin with it; only `rootfs` when left out. */
  readonly builders?: readonly string[];
}

/** What the graph needs to know of a builder with machines of its own; `MachineBuilderKind` is one. */
export interface BuilderKind extends KindDescriptor {
  readonly disk: boolean;
}

/** What the graph needs to know of an export kind; `ExporterKind` is one. */
export interface ExportKind extends KindDescriptor {
  readonly input: 'disk' | 'layers' | 'machine';
  readonly extension: (options: ParsedOptions) => string;
  readonly isFolder?: (options: ParsedOptions) => boolean;
  readonly refuses?: (options: ParsedOptions, pipeline: Pipeline) => Refusal | undefined;
  readonly secrets?: (options: ParsedOptions) => readonly string[];
}

/** What is known of an artifact before it is made. */
export interface MadeFile {
  /** Ending of its name, without dot. */
  readonly extension: string;
  readonly isFolder: boolean;
}

/** Why a kind can do nothing with what it would get, and what does. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
  /** The option at fault; undefined: the kind as such. */
  readonly option?: string;
}

/** What the template and the graph need to know of a post-processor; `PostProcessorKind` is one. */
export interface PostKind extends KindDescriptor {
  /** Whether the files it works on stay; `forced`: the user cannot say otherwise. */
  readonly keepInput: { readonly default: boolean; readonly forced?: boolean };
  readonly refuses?: (made: MadeFile) => Refusal | undefined;
  readonly secrets?: (options: ParsedOptions) => readonly string[];
}

/**
 * All kinds there are, built in or from plugins. Each room names its own richer kind type; the template and the
 * graph use the defaults.
 */
export interface Kinds<
  Source extends SourceLikeKind = SourceLikeKind,
  Step extends StepKind = StepKind,
  Export extends ExportKind = ExportKind,
  Check extends KindDescriptor = KindDescriptor,
  Builder extends BuilderKind = BuilderKind,
  Post extends PostKind = PostKind,
> {
  readonly sources: KindTable<Source>;
  readonly steps: KindTable<Step>;
  readonly exports: KindTable<Export>;
  readonly checks: KindTable<Check>;
  readonly posts: KindTable<Post>;
  readonly builders: KindTable<Builder>;
}
