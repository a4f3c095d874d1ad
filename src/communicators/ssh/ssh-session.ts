import { connect, type SshConnectOptions } from './connect.ts';
import { collect, type SshOutput } from './run-command.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { SshTarget } from './ssh-target.ts';

export type { SshConnectOptions, SshTarget };
export type SshExecOutcome = SshOutput;

/** One kept connection to a machine: a new one costs about 0.8 s on an emulated processor, a command on it 0.15 s. */
export interface SshSession extends AsyncDisposable {
  /** Runs a command line in the user's shell. @throws FailureError `communicator-failed` when the connection breaks */
  exec(command: string, options?: { readonly timeoutMs?: number }): Promise<SshExecOutcome>;
}

/**
 * Connects and logs in, again and again until it works or the deadline is over. The host's key is not checked unless
 * the target pins one: machines that were just made have keys that nobody can know yet.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function connectSsh(target: SshTarget, options: SshConnectOptions): Promise<SshSession> {
  return new Session(await connect(target, options));
}

class Session implements SshSession {
  readonly #connection: SshConnection;
  readonly #never = new AbortController().signal;

  constructor(connection: SshConnection) {
    this.#connection = connection;
  }

  exec(
    command: string,
    { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<SshExecOutcome> {
    return collect(this.#connection, { command, timeoutMs, signal: this.#never });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }
}
