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

/** What the graph needs to know of an export kind; `ExporterKind` is one. */
export interface ExportKind extends KindDescriptor {
  readonly input: 'disk' | 'layers';
  readonly extension: (options: ParsedOptions) => string;
}

/**
 * All kinds there are, built in or from plugins. Each room names its own richer kind type; the template and the
 * graph use the defaults.
 */
export interface Kinds<
  Source extends KindDescriptor = KindDescriptor,
  Step extends StepKind = StepKind,
  Export extends ExportKind = ExportKind,
  Check extends KindDescriptor = KindDescriptor,
> {
  readonly sources: KindTable<Source>;
  readonly steps: KindTable<Step>;
  readonly exports: KindTable<Export>;
  readonly checks: KindTable<Check>;
}
