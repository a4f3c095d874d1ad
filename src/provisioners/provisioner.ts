import type { z } from 'zod';
import type { Machine } from '../builders/machine.ts';
import type { Result } from '../diagnostics/failure.ts';
import type { Question } from '../events/event-sink.ts';
import type { OutputChunk } from '../layers/workspace.ts';
import type { ArchiveReference, LockedArchive } from '../model/archive.ts';
import type { HostInput } from '../model/host-input.ts';
import type { StepContext } from '../model/step-context.ts';
import type { TreeEntry } from '../model/tree-entry.ts';
import type { KindDescriptor, TypedKind } from '../schema/kind.ts';

export type { StepContext } from '../model/step-context.ts';

/** What a running step may use besides its machine. */
export interface StepRunContext extends StepContext {
  readonly signal: AbortSignal;
  /** Value of a declared secret. The sink hides it from every log. @throws FailureError `secret-missing` */
  readonly secret: (name: string) => Promise<string>;
  /** States of the archives that the step may install from; undefined: as they are now. */
  readonly archives?: readonly LockedArchive[];
  /** Reports progress to the UI: done and total in `unit`. */
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
  /** Writes a line to the step's log. */
  readonly log: (line: string) => void;
  /** Puts output of a program into the step's log that did not run through the machine's `exec`. */
  readonly output: (chunk: OutputChunk) => void;
  /** Asks the user; without a terminal the default is the answer. */
  readonly ask: (question: Question) => Promise<string>;
}

/** One step of the list that a step of the template stands for. */
export interface ExpandedStep<Options> {
  /** Added to the step's name after a dot, e.g. the script's base name; empty for the only one. */
  readonly suffix: string;
  readonly options: Options;
  /** The option of the template's step that it comes from, for messages: `scripts[2]`. */
  readonly option?: string;
}

interface ProvisionerBase<Schema extends z.ZodObject> extends KindDescriptor<Schema> {
  /**
   * `write`: the step only writes entries that do not depend on the system below; its layer is built once and
   * stacked anywhere. `run`: it runs programs in the machine and depends on everything below it.
   */
  readonly effect: (options: z.output<Schema>) => 'write' | 'run';
  /** Host files whose content the step uses; hashed into its key. */
  readonly inputs?: (options: z.output<Schema>, context: StepContext) => readonly HostInput[];
  /** Package archives that it adds to those of the image. */
  readonly archives?: (options: z.output<Schema>, context: StepContext) => readonly ArchiveReference[];
  /** Whether it installs from the archives of the image: their state is in its key. */
  readonly readsArchives?: (options: z.output<Schema>) => boolean;
  /**
   * For a list that may be carried out in two runs, a part first and then the rest: the option, and the list of a step
   * that does nothing else; undefined for one that does.
   */
  readonly grow?: {
    readonly option: string;
    readonly list: (options: z.output<Schema>) => readonly unknown[] | undefined;
  };
  /** One template step that is several steps with layers of their own (a list of scripts). */
  readonly expand?: (options: z.output<Schema>) => readonly ExpandedStep<z.output<Schema>>[];
  /**
   * What a step of a builder with machines of its own works on. `machine` (default): it may change the machine.
   * `reads`: it needs the machine and leaves it as it was. `host`: it does not even need one. The last two give their
   * parent's state on as it is, so that nothing after them is built again for their sake.
   */
  readonly reach?: (options: z.output<Schema>) => 'machine' | 'reads' | 'host';
  /** Why the step cannot be cached, said to the user, or undefined. */
  readonly untracked?: (options: z.output<Schema>) => string | undefined;
  /** Names of the secrets it uses: part of the key as keyed hashes. */
  readonly secrets?: (options: z.output<Schema>) => readonly string[];
  /** For effect `write`: what it puts into the image. Reads host inputs only. */
  readonly entries?: (
    options: z.output<Schema>,
    context: StepContext,
  ) => Promise<Result<readonly TreeEntry[]>>;
  /** For effect `run`: does the work in the machine. Never commits; the executor does. */
  readonly run?: (
    options: z.output<Schema>,
    machine: Machine,
    context: StepRunContext,
  ) => Promise<Result<void>>;
  /** Paths that carry no meaning and differ between equal runs (`CommitRules.drop`), beyond those of every layer. */
  readonly drop?: readonly string[];
}

export type ProvisionerKind<Schema extends z.ZodObject = z.ZodObject> = ProvisionerBase<Schema>;

/** Declares a step kind; register it in `builtins.ts`. */
export function defineProvisioner<const Type extends string, Schema extends z.ZodObject>(
  kind: ProvisionerKind<Schema> & { readonly type: Type },
): ProvisionerKind & TypedKind<Type, z.input<Schema>> {
  // Sound because options are always parsed by the kind's own schema before any method sees them.
  return kind as unknown as ProvisionerKind & TypedKind<Type, z.input<Schema>>;
}
