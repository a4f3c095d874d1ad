import type { MachineBuilderKind } from '../builders/machine-builder.ts';
import type { CheckKind } from '../checks/check.ts';
import type { ExporterKind } from '../exporters/exporter.ts';
import type { PostProcessorKind } from '../post-processors/post-processor.ts';
import type { ProvisionerKind } from '../provisioners/provisioner.ts';
import type { KindTable } from '../schema/kind-table.ts';
import type { SourceKind } from '../sources/source.ts';

/** Every kind a run knows: the built-in ones and those of plugins. */
export interface Kinds {
  readonly sources: KindTable<SourceKind>;
  readonly steps: KindTable<ProvisionerKind>;
  readonly exports: KindTable<ExporterKind>;
  readonly checks: KindTable<CheckKind>;
  readonly posts: KindTable<PostProcessorKind>;
  readonly builders: KindTable<MachineBuilderKind>;
}
