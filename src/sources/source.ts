import type { z } from 'zod';
import type { Result } from '../diagnostics/failure.ts';
import type { ActiveLayer, Workspace } from '../layers/workspace.ts';
import type { ArchiveReference, LockedArchive } from '../model/archive.ts';
import type { HostInput } from '../model/host-input.ts';
import type { Architecture } from '../model/platform.ts';
import type { StepContext } from '../model/step-context.ts';
import type { KindDescriptor, TypedKind } from '../schema/kind.ts';

/** What a source may use while it fills the base layer. */
export interface SourceRunContext extends StepContext {
  readonly signal: AbortSignal;
  readonly workspace: Workspace;
  /** Empty tree to be filled; the executor commits it. */
  readonly target: ActiveLayer;
  /** Private scratch folder outside the layer, deleted afterwards. */
  readonly scratch: string;
  /** Folder kept between runs for downloads, shared by all that name the same id. */
  readonly cacheFolder: (id: string) => Promise<string>;
  /** States of the archives that the source reads, in the order of `archives`; undefined: as they are now. */
  readonly archives?: readonly LockedArchive[];
  readonly log: (line: string) => void;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
}

/** A root step that yields the base layer. `pipeline` is not one: the graph splices the other pipeline's steps in. */
export interface SourceKind<Schema extends z.ZodObject = z.ZodObject> extends KindDescriptor<Schema> {
  readonly inputs?: (options: z.output<Schema>, context: StepContext) => readonly HostInput[];
  /** Package archives it installs from, and downloads that a list of their publisher names; their state in `imgpipe.lock` is in the key, with their addresses. */
  readonly archives?: (options: z.output<Schema>, context: StepContext) => readonly ArchiveReference[];
  /** The options with what the lock says of `archives` in the place of names that may move. */
  readonly pinned?: (options: z.output<Schema>, locked: readonly LockedArchive[]) => z.output<Schema>;
  readonly architectures?: readonly Architecture[];
  /** Builders that can begin with it; only `rootfs` when left out. */
  readonly builders?: readonly string[];
  readonly untracked?: (options: z.output<Schema>) => string | undefined;
  /** Fills `context.target` with the base tree. Left out by sources that only builders with machines of their own know. */
  readonly produce?: (options: z.output<Schema>, context: SourceRunContext) => Promise<Result<void>>;
  readonly drop?: readonly string[];
}

/** Declares a source kind; register it in `builtins.ts`. */
export function defineSource<const Type extends string, Schema extends z.ZodObject>(
  kind: SourceKind<Schema> & { readonly type: Type },
): SourceKind & TypedKind<Type, z.input<Schema>> {
  return kind as unknown as SourceKind & TypedKind<Type, z.input<Schema>>;
}
