import type { ExecOutcome, OutputChunk } from '../layers/workspace.ts';
import type { Architecture } from '../model/platform.ts';

/** Something to be seen inside a machine while one command runs; never part of a layer. */
export type MachineMount =
  /** A folder kept between runs under the store's `mounts/` by its id (package downloads, build caches). */
  | { readonly type: 'cache'; readonly id: string; readonly target: string; readonly mode?: number }
  /** A file with a secret's value, in memory only. */
  | { readonly type: 'secret'; readonly value: string; readonly target: string; readonly mode: number }
  /**
   * A host file or folder, read-only, without the paths in it that match a glob pattern of `exclude`. Programs see what
   * is in the key and no more (`stageInput`).
   */
  | {
      readonly type: 'host';
      readonly source: string;
      readonly target: string;
      readonly exclude?: readonly string[];
    };

/** A program to run inside a machine. */
export interface MachineCommand {
  readonly argv: readonly string[];
  /** Added to the machine's own clean environment (PATH, HOME, LANG=C.UTF-8, TZ=UTC, SOURCE_DATE_EPOCH …). */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Name or id of the user; root when left out. */
  readonly user?: string;
  readonly stdin?: string;
  readonly mounts?: readonly MachineMount[];
  /** `host` (default): the host's network. `none`: loopback only. */
  readonly network?: 'host' | 'none';
  readonly timeoutMs?: number;
  /** Keeps its output out of the step's log. */
  readonly quiet?: boolean;
}

/**
 * The live target of a builder: what a step sees. Steps see a machine, never a builder. Disposing it ends everything
 * that runs in it and throws its changes away unless the builder has captured them.
 */
export interface Machine {
  readonly architecture: Architecture;
  /** Lines of /etc/os-release as a record (`ID`, `VERSION_CODENAME` …). */
  osRelease(): Promise<Readonly<Record<string, string>>>;
  /** Runs a program to its end; output goes to the step's log and to `onOutput`. */
  exec(command: MachineCommand, onOutput?: (chunk: OutputChunk) => void): Promise<ExecOutcome>;
  /** Writes one file; folders on the way are made. Owner root unless told. */
  writeFile(
    path: string,
    content: string,
    options?: { mode?: number; uid?: number; gid?: number },
  ): Promise<void>;
  /** Text of a file of the machine, or undefined. */
  readFile(path: string): Promise<string | undefined>;
}
