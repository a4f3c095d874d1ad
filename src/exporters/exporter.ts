import type { z } from 'zod';
import type { Result } from '../diagnostics/failure.ts';
import type { SnapshotInfo } from '../layers/snapshot-store.ts';
import type { Workspace } from '../layers/workspace.ts';
import type { Artifact } from '../model/artifact.ts';
import type { Digest } from '../model/ids.ts';
import type { HostInput } from '../model/host-input.ts';
import type { View } from '../model/layer.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../model/step-context.ts';
import type { KindDescriptor, TypedKind } from '../schema/kind.ts';
import type { Refusal } from '../schema/kinds.ts';
import type { DiskImage } from './disk-image.ts';

/** What an exporter works on and where it writes. */
export interface ExportContext {
  readonly pipeline: Pipeline;
  /** The finished raw disk. Undefined for exporters of `input: 'layers'`. */
  readonly disk?: {
    /** The disk as a file, read-only and sparse; not there for exporters that say `readsImage`. */
    readonly path: string;
    /** The same bytes as they lie in the store, for reading them in one pass. */
    readonly image: DiskImage;
    readonly size: number;
    /** Key of the disk: what identifiers in the artifact are derived from. */
    readonly key: string;
  };
  /** The last state of the builder's machine, for exporters of `input: 'machine'`. */
  readonly machine?: {
    readonly digest: Digest;
    /** Folder of its snapshot, read-only. */
    readonly folder: string;
    /** What the driver noted of it; undefined when no snapshot keeps it. */
    readonly info: SnapshotInfo | undefined;
  };
  /** All layers of the image, bottom first, sealed. */
  readonly layers: View;
  readonly workspace: Workspace;
  /** Name that the file will have in the end. Whoever writes it into the file declares it in `reads`. */
  readonly fileName: string;
  /** The file to write. The executor renames it to its final name when the exporter succeeds. */
  readonly outputPath: string;
  readonly scratch: string;
  readonly resolvePath: (path: string) => string;
  /** @throws FailureError `secret-missing` */
  readonly secret: (name: string) => string;
  /** Folder kept between runs, by its id. */
  readonly cacheFolder: (id: string) => Promise<string>;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
}

/** What an exporter knows of the file it wrote. */
export interface ExportedFile {
  /** SHA-256 of its bytes, 64 hex digits, worked out while writing: the file is not read again then. */
  readonly sha256: string;
}

/** What an exporter gives that wrote no file of the output folder: an image of a daemon, a file where an option says. */
export interface ExportedElsewhere {
  readonly artifact: Artifact;
}

/** Turns the finished disk, or the layers, into one artifact. */
export interface ExporterKind<Schema extends z.ZodObject = z.ZodObject> extends KindDescriptor<Schema> {
  /**
   * `disk`: reads the raw disk; `layers`: reads the file tree and needs no disk; `machine`: reads the state of a
   * builder's own machine.
   */
  readonly input: 'disk' | 'layers' | 'machine';
  /** File name ending, without dot: `qcow2`, `raw`, `raw.zst`. */
  readonly extension: (options: z.output<Schema>) => string;
  /** Whether it makes a folder; left out where it never does. */
  readonly isFolder?: (options: z.output<Schema>) => boolean;
  /** Programs whose versions go into the key, where they depend on the options. Default: all `tools`. */
  readonly keyTools?: (options: z.output<Schema>) => readonly string[];
  /** Why it cannot be made of this pipeline, whatever its layers hold: said before anything is built. */
  readonly refuses?: (options: z.output<Schema>, pipeline: Pipeline) => Refusal | undefined;
  readonly run: (
    options: z.output<Schema>,
    context: ExportContext,
  ) => Promise<Result<ExportedFile | ExportedElsewhere | void>>;
  /** Whether it reads `disk.image` only: making the file `disk.path` is saved then. */
  readonly readsImage?: (options: z.output<Schema>) => boolean;
  /**
   * All that goes into the file besides options, disk or layers: facts of the pipeline, the file's name. They become
   * part of the key; the architecture and `sourceDateEpoch` of the pipeline always are for `input: 'layers'`.
   */
  readonly reads?: (pipeline: Pipeline, fileName: string) => Readonly<Record<string, unknown>>;
  /** Why it runs in every build, in the user's words; undefined: when its options or what it reads change. */
  readonly untracked?: (options: z.output<Schema>) => string | undefined;
  /** Host files whose content goes into the key. */
  readonly inputs?: (options: z.output<Schema>, context: StepContext) => readonly HostInput[];
  /** Names of secrets that it asks for; their keyed hashes go into the key. */
  readonly secrets?: (options: z.output<Schema>) => readonly string[];
  /** Programs that we did not write and that read the format back in the tests. */
  readonly readBackBy?: readonly string[];
  /** What starts the artifact in the tests; left out where nothing does. */
  readonly bootedBy?: string;
  /** Whether the same layers give the same bytes. */
  readonly reproducible: boolean;
}

/** Declares an exporter; register it in `builtins.ts`. */
export function defineExporter<const Type extends string, Schema extends z.ZodObject>(
  kind: ExporterKind<Schema> & { readonly type: Type },
): ExporterKind & TypedKind<Type, z.input<Schema>> {
  return kind as unknown as ExporterKind & TypedKind<Type, z.input<Schema>>;
}
