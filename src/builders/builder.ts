import type { CommitRules, OutputChunk } from '../layers/workspace.ts';
import type { LayerRef, View } from '../model/layer.ts';
import type { Architecture } from '../model/platform.ts';
import type { Machine } from './machine.ts';

/** What a machine starts from and with whom it shares its surroundings. */
export interface LaunchRequest {
  /** Layers below what the machine will write. */
  readonly view: View;
  readonly architecture: Architecture;
  /** Seconds since 1970; programs see it as SOURCE_DATE_EPOCH. */
  readonly sourceDateEpoch: number;
  /** Folder on the host for a cache mount's id, kept between runs. */
  readonly cacheFolder: (id: string) => Promise<string>;
  /** Ends whatever runs in the machine. */
  readonly signal: AbortSignal;
  /** Gets all output of all programs, for the step's log. */
  readonly onOutput: (chunk: OutputChunk) => void;
}

/**
 * A machine from its builder's side. Lifecycle: `launch` → programs run → `capture` (a committed layer) or disposal,
 * which throws the changes away. After a capture the machine is gone.
 */
export interface LiveMachine extends Machine, AsyncDisposable {
  /** Ends what still runs and commits what was written. @throws FailureError `disk-full`, `permission-denied` */
  capture(rules: CommitRules): Promise<LayerRef>;
}

/** A backend in which steps run. Steps see a `Machine`, never a builder. */
export interface Builder {
  readonly type: string;
  /** @throws FailureError `tool-missing` when this host cannot run the architecture */
  launch(request: LaunchRequest): Promise<LiveMachine>;
}
