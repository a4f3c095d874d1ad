import type { ExecOutcome, OutputChunk } from '../layers/workspace.ts';

/** How a command ended; `disconnected`: the way into the machine broke while it ran, so nobody knows. */
export type CommandOutcome = ExecOutcome | { readonly type: 'disconnected' };

/** A command line for the shell of the machine's user. */
export interface CommandLine {
  readonly command: string;
  readonly stdin?: string;
  /** Whether it gets a terminal; default: as the communicator was told. */
  readonly pty?: boolean;
  readonly timeoutMs?: number;
  readonly onOutput: (chunk: OutputChunk) => void;
}

/** What is uploaded: a host file, or its content. */
export type UploadSource = { readonly path: string } | { readonly content: string | Buffer };

export interface TransferProgress {
  readonly onProgress?: (done: number, total: number | undefined) => void;
}

/** A script that a command line needs in the machine. */
export interface CarriedScript {
  readonly content: Buffer;
  readonly path: string;
  readonly mode: number;
  /** Whether it is deleted when the command line has ended with exit code 0. */
  readonly remove: boolean;
}

export interface ScriptOutcome {
  readonly outcome: CommandOutcome;
  /** Whether the script is no longer in the machine. */
  readonly removed: boolean;
}

/**
 * The way into a machine: SSH, Docker's exec and cp, WinRM, or none. Every operation fails with a `FailureError`
 * (`communicator-failed`, `disk-full`, `aborted`) and is never repeated by itself.
 */
export interface Communicator extends AsyncDisposable {
  /** Whether an uploaded file has exactly the mode that is asked for, whatever the machine's umask. */
  readonly keepsModes?: boolean;
  run(command: CommandLine): Promise<CommandOutcome>;
  /**
   * Uploads a script, runs a command line and deletes the script at once, where every operation costs time. Undefined:
   * it does not do that for this script, and nothing has happened.
   */
  runScript?(script: CarriedScript, command: CommandLine): Promise<ScriptOutcome | undefined>;
  uploadFile(
    source: UploadSource,
    target: string,
    options?: TransferProgress & { readonly mode?: number },
  ): Promise<void>;
  downloadFile(source: string, target: string, options?: TransferProgress): Promise<void>;
  /** What is in the host folder `source` comes into the machine's folder `target`. */
  uploadTree(source: string, target: string, options?: TransferProgress): Promise<void>;
  /** What is in the machine's folder `source` comes into the host folder `target`. */
  downloadTree(source: string, target: string, options?: TransferProgress): Promise<void>;
  /** Content of a file of the machine, or undefined when there is none. */
  readFile(path: string): Promise<Buffer | undefined>;
  /** Ends the connection, if there is one, and makes another. */
  reconnect(timeoutMs?: number): Promise<void>;
}
