import type { z } from 'zod';
import type { KeyInputs } from '../cache/key-inputs.ts';
import type { NodeOutput } from '../cache/action-record.ts';
import type { Result } from '../diagnostics/failure.ts';
import type { NodeRole } from '../events/build-event.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import type { Artifact } from '../model/artifact.ts';
import type { HostInput } from '../model/host-input.ts';
import type { NodeId } from '../model/ids.ts';
import type { View } from '../model/layer.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../model/step-context.ts';
import type { KindDescriptor, TypedKind } from '../schema/kind.ts';
import type { MadeFile, Refusal } from '../schema/kinds.ts';
import type { runHostCommand } from '../util/exec.ts';

/** One node that an artifact comes from, for provenance. */
export interface BuildNode {
  readonly id: NodeId;
  readonly role: NodeRole;
  readonly key: string;
  readonly inputs: KeyInputs;
  readonly output: NodeOutput;
}

/** What a post-processor works with and where it writes. */
export interface PostContext {
  readonly pipeline: Pipeline;
  /** The export whose artifact it was in the beginning. */
  readonly exportId: NodeId;
  /**
   * An empty folder on the file system of the output folder. Files of the result that lie in it move beside the
   * artifact, under their own names, each by a rename when the post-processor has succeeded.
   */
  readonly stage: string;
  /**
   * Notes a file or folder that was written elsewhere and is no part of the artifact, such as a copy: when it is deleted or
   * changed, the post-processor runs again.
   */
  readonly placed: (path: string) => void;
  /** Notes a file or folder outside of `stage` and `scratch` that must not outlive the run, before it is made. */
  readonly guard: (path: string, what: string) => void;
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly status: (text: string) => void;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
  /** Runs host programs, for `runTool`. */
  readonly workspace: { readonly spawn: typeof runHostCommand };
  readonly resolvePath: (path: string) => string;
  /** @throws FailureError `secret-missing` */
  readonly secret: (name: string) => string;
  /** Layers of the image, bottom first, and where they lie. Only for kinds that read `layers` or `build`. */
  readonly layers: { readonly view: View; readonly store: LayerStore };
  /** All nodes that the artifact comes from, in an order of building. Only for kinds that read `build`. */
  readonly build: () => readonly BuildNode[];
}

/** Turns an artifact into another one, or adds to it, or does something with it. */
export interface PostProcessorKind<Schema extends z.ZodObject = z.ZodObject> extends KindDescriptor<Schema> {
  /**
   * Whether the files it works on stay in the output folder. Files of an artifact that do not stay lie in the store, so
   * that the post-processor can run again without making them anew.
   */
  readonly keepInput: { readonly default: boolean; readonly forced?: boolean };
  /**
   * What beside the artifact's files its result is made of, and so its key: nothing, the layers of the image, or
   * the inputs of every node that the artifact comes from.
   */
  readonly reads?: 'artifact' | 'layers' | 'build';
  /** Asked for what an export makes, before anything is built: why nothing can be done with it. */
  readonly refuses?: (made: MadeFile) => Refusal | undefined;
  /** The artifact that the next post-processor gets: usually that which came in, with the new files. */
  readonly run: (
    options: z.output<Schema>,
    artifact: Artifact,
    context: PostContext,
  ) => Promise<Result<Artifact>>;
  /**
   * Names of the files that it adds to an artifact of files with these names (the image first), or puts in their place
   * where `keepInput` is not the default. Left out, and undefined: they are not known before it runs.
   * @param isFolder whether the image is a folder
   */
  readonly writes?: (
    options: z.output<Schema>,
    files: readonly string[],
    isFolder: boolean,
  ) => readonly string[] | undefined;
  /** Host files whose content goes into the key. */
  readonly inputs?: (options: z.output<Schema>, context: StepContext) => readonly HostInput[];
  /** Names of secrets that it asks for; their keyed hashes go into the key. */
  readonly secrets?: (options: z.output<Schema>) => readonly string[];
  /** Programs whose versions have a say in the result and go into the key. */
  readonly keyTools?: (options: z.output<Schema>) => readonly string[];
  /** What else has a say in the result, by name, such as the version of a library: it becomes part of the key. */
  readonly keyFacts?: (options: z.output<Schema>) => Readonly<Record<string, unknown>> | undefined;
  /** Why it runs in every build, in the user's words; undefined: when the artifact or the options change. */
  readonly untracked?: (options: z.output<Schema>) => string | undefined;
  /** Whether the same artifact gives the same bytes. */
  readonly reproducible: boolean;
}

/** Declares a post-processor; register it in `builtins.ts`. */
export function definePostProcessor<const Type extends string, Schema extends z.ZodObject>(
  kind: PostProcessorKind<Schema> & { readonly type: Type },
): PostProcessorKind & TypedKind<Type, z.input<Schema>> {
  return kind as unknown as PostProcessorKind & TypedKind<Type, z.input<Schema>>;
}
