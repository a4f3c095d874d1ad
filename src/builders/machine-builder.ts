import type { z } from 'zod';
import type { CommandLine, Communicator } from '../communicators/communicator.ts';
import type { HostInput } from '../model/host-input.ts';
import type { Digest } from '../model/ids.ts';
import type { KindUse, Pipeline } from '../model/pipeline.ts';
import type { StepContext } from '../model/step-context.ts';
import type { KindDescriptor, TypedKind } from '../schema/kind.ts';
import type { Machine } from './machine.ts';

/** A state of a machine that a driver has kept: committed, immutable, named by its content. */
export interface Snapshot {
  readonly digest: Digest;
  /** Bytes it takes in the store, without those below it. */
  readonly size: number;
}

/** Folders in which a driver keeps its snapshots; see src/layers/snapshot-store.ts. */
export interface SnapshotFolders {
  /** A private folder in which the files of a snapshot are put together. Gone when the run ends. */
  stage(): Promise<string>;
  /**
   * Makes a staged folder an immutable snapshot. Its digest is over the parent's and over all its files; `external`
   * names what it needs outside the store, such as an image of a daemon.
   * @param hashes SHA-256 (64 hex digits) of those files, by name, for which it is computed already
   */
  commit(
    staged: string,
    info: { readonly parent?: Digest; readonly external?: Readonly<Record<string, string>> },
    hashes?: ReadonlyMap<string, Promise<string> | undefined>,
  ): Promise<Snapshot>;
  /** Folder of a committed snapshot, read-only. */
  folder(snapshot: Digest): string;
  /** A snapshot and those it stands on, bottom first. @throws FailureError `cache-damaged` when one is gone */
  chain(snapshot: Digest): readonly Digest[];
  /** All snapshots of this builder in the store, with what they need outside it. */
  known(): readonly { readonly digest: Digest; readonly external: Readonly<Record<string, string>> }[];
  /** Removes a snapshot whose state is gone outside the store: the step that gave it counts as not built. */
  forget(snapshot: Digest): Promise<void>;
}

/** What a driver may use. It lives as long as its pipeline's machines in one run. */
export interface DriverContext {
  readonly pipeline: Pipeline;
  readonly snapshots: SnapshotFolders;
  /** Private folder, deleted when the run ends. */
  readonly scratch: string;
  /** Folder kept between runs (downloads), by its id. */
  readonly cacheFolder: (id: string) => Promise<string>;
  readonly signal: AbortSignal;
  readonly resolvePath: (path: string) => string;
  readonly secret: (name: string) => Promise<string>;
  /** Tells the run that a value is secret: it is hidden in every log from now on. */
  readonly hide: (value: string) => void;
  /**
   * Notes in the run's ledger, before it is made, what must not outlive the run. Returns a function that strikes it
   * out once it is gone.
   */
  readonly ledger: (entry: LedgerEntry) => () => void;
  /** Output of the machine's programs and lines about the machine itself go to the node that runs now. */
  readonly output: (chunk: { readonly stream: 'stdout' | 'stderr'; readonly text: string }) => void;
  readonly log: (line: string) => void;
  readonly status: (text: string) => void;
  /** Asks the user for a text; where nobody can answer, it is empty. */
  readonly ask: (question: string, options: { readonly secret: boolean }) => Promise<string>;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
  /** For a pipeline that begins with another one's image: its disk as a raw file. */
  readonly baseDisk?: () => Promise<string>;
}

export type LedgerEntry =
  | { readonly type: 'process'; readonly pid: number; readonly what: string }
  | { readonly type: 'path'; readonly path: string; readonly what: string };

/** A machine that a driver keeps running from step to step. Disposing it ends it and throws its changes away. */
export interface DrivenMachine extends Machine, AsyncDisposable {
  readonly communicator: Communicator;
  /** What Packer calls the build's contextual values: `ID`, `Host`, `Port`, `User`, `ConnType` …, as far as known. */
  readonly facts: Readonly<Record<string, string>>;
  /** Brings up what the driver has put off until a step needs it. Called before every step that works on the machine. */
  ready?(): Promise<void>;
  /** Set before a step that is given secrets: from then on they may be in its memory, which then must not be kept. */
  holdsSecrets?: boolean;
  /** Keeps its state as it is now, upon that it was started from; the machine goes on. Undefined: it cannot be kept. */
  snapshot(): Promise<Snapshot | undefined>;
  /** Shuts the machine down in good order and writes its first disk as a flat raw file; for builders with `disk`. */
  writeDisk?(target: string): Promise<void>;
  /** Restarts the machine with `command` or the system's own way and comes back when it has truly done so. */
  reboot?(command?: CommandLine): Promise<void>;
}

export interface MachineDriver extends AsyncDisposable {
  /** A machine in the state that the pipeline's source gives, connected. */
  start(source: KindUse): Promise<DrivenMachine>;
  /** A machine in a kept state, connected. */
  resume(snapshot: Digest): Promise<DrivenMachine>;
}

/** What of a builder's options and of this host has a say in the state of its machines: part of every step's key. */
export interface BuilderInfluence {
  /** Firmware, machine type, processor model, geometry, image digest … */
  readonly platform: Readonly<Record<string, unknown>>;
  readonly hostInputs?: readonly HostInput[];
  /** Programs of this host whose versions go into keys. */
  readonly tools?: readonly string[];
  readonly secrets?: readonly string[];
  /** Why the results of its steps may not be cached, in the user's words. */
  readonly untracked?: string;
}

/** A backend with machines of its own, which run from step to step: qemu, docker, null. */
export interface MachineBuilderKind<Schema extends z.ZodObject = z.ZodObject> extends KindDescriptor<Schema> {
  /** Whether `writeDisk` gives a disk, so that every disk exporter works behind it. */
  readonly disk: boolean;
  /** Facts that are others for every machine, such as generated ports: a step that brings one into it is not cached. */
  readonly movingFacts?: readonly string[];
  /** Pure: touches no machine and no network. */
  readonly influence: (options: z.output<Schema>, context: StepContext) => BuilderInfluence;
  /** Bytes of memory and processors that a machine takes, for the scheduler. */
  readonly cost?: (options: z.output<Schema>) => { readonly cpus: number; readonly memory: number };
  /** @throws FailureError `tool-missing` and others when this host cannot run it */
  readonly open: (options: z.output<Schema>, context: DriverContext) => Promise<MachineDriver>;
}

/** Declares a builder with machines of its own; register it in `builtins.ts`. */
export function defineMachineBuilder<const Type extends string, Schema extends z.ZodObject>(
  kind: MachineBuilderKind<Schema> & { readonly type: Type },
): MachineBuilderKind & TypedKind<Type, z.input<Schema>> {
  return kind as unknown as MachineBuilderKind & TypedKind<Type, z.input<Schema>>;
}
