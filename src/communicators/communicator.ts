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

/**
 * The way into a machine: SSH, Docker's exec and cp, WinRM, or none. Every operation fails with a `FailureError`
 * (`communicator-failed`, `disk-full`, `aborted`) and is never repeated by itself.
 */
export interface Communicator extends AsyncDisposable {
  /** Whether an uploaded file has exactly the mode that is asked for, whatever the machine's umask. */
  readonly keepsModes?: boolean;
  run(command: CommandLine): Promise<CommandOutcome>;
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
