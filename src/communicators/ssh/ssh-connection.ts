import type { Client, ClientChannel, SFTPWrapper } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';

/** One living, authenticated connection, for the files of this folder; others see an `SshSession`. */
export class SshConnection implements AsyncDisposable {
  readonly client: Client;
  /** As people write the server, for messages. */
  readonly name: string;
  /** Fingerprint of the key the server showed, `SHA256:…`. */
  readonly hostKey: string;
  /** Settled when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #release: () => void;
  #reason: string | undefined;
  #sftp: Promise<SFTPWrapper> | undefined;
  #mayForwardAgent: boolean;

  constructor(
    client: Client,
    facts: { readonly name: string; readonly hostKey: string; readonly forwardsAgent: boolean },
    release: () => void,
  ) {
    this.client = client;
    this.name = facts.name;
    this.hostKey = facts.hostKey;
    this.#mayForwardAgent = facts.forwardsAgent;
    this.#release = release;
    client.on('error', (error) => (this.#reason ??= error.message));
    this.closed = new Promise((resolve) => {
      client.once('close', () => {
        this.#reason ??= 'the server closed it';
        release();
        resolve();
      });
    });
  }

  get isOpen(): boolean {
    return this.#reason === undefined;
  }

  /** The failure to tell when something ended because the connection did. */
  broken(during: string): FailureError {
    const why = this.#reason === undefined ? '' : `: ${this.#reason}`;
    return new FailureError({
      reason: 'communicator-failed',
      message: `SSH: the connection broke during ${during}${why}`,
    });
  }

  /** The promise, or a failure as soon as the connection is gone or the signal comes. */
  whileOpen<T>(work: Promise<T>, during: string, signal?: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      // What is done already wins: a command that has started is for its reader to stop.
      const stop = (): void =>
        void setImmediate(() =>
          reject(new FailureError({ reason: 'aborted', message: 'the run was stopped' })),
        );
      if (signal?.aborted === true) stop();
      signal?.addEventListener('abort', stop, { once: true });
      work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', stop));
      void this.closed.then(() => reject(this.broken(during)));
    });
  }

  /**
   * Starts a command line in the user's shell. `use` gets the channel at once, before anything can happen on it: the
   * end of a short command comes in one packet with its beginning.
   * @throws FailureError `communicator-failed`
   */
  async open<T>(
    command: string,
    use: (channel: ClientChannel) => T,
    options: { readonly pty?: boolean; readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const agentForward = this.#mayForwardAgent;
    try {
      const started = this.#exec(command, use, options.pty === true, agentForward);
      return await this.whileOpen(started, command, options.signal);
    } catch (error) {
      if (error instanceof FailureError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      if (agentForward && /agent forwarding/i.test(message)) {
        // The server does not allow it, and commands seldom need it.
        this.#mayForwardAgent = false;
        return await this.open(command, use, options);
      }
      if (!this.isOpen || message === 'Not connected') throw this.broken(command);
      throw new FailureError({
        reason: 'communicator-failed',
        message: `SSH: ${this.name} refused to run ${JSON.stringify(command)}: ${message}`,
      });
    }
  }

  #exec<T>(
    command: string,
    use: (channel: ClientChannel) => T,
    pty: boolean,
    agentForward: boolean,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      const options = { ...(pty && { pty: { term: 'xterm', cols: 80, rows: 40 } }), agentForward };
      this.client.exec(command, options, (error, channel) => {
        if (error === undefined) resolve(use(channel));
        else reject(error);
      });
    });
  }

  /** Signals a channel's command, also when its input is closed: ssh2's own method is silent then. */
  signal(channel: ClientChannel, name: 'TERM' | 'KILL'): void {
    if (!this.isOpen || channel.destroyed) return;
    const { _protocol: protocol } = this.client as unknown as {
      readonly _protocol: { signal(id: number, name: string): void };
    };
    protocol.signal((channel.outgoing as { readonly id: number }).id, name);
  }

  /** The connection's one SFTP channel; undefined when the server has no SFTP. */
  async sftp(signal?: AbortSignal): Promise<SFTPWrapper | undefined> {
    this.#sftp ??= new Promise<SFTPWrapper>((resolve, reject) => {
      this.client.sftp((error, sftp) => {
        if (error !== undefined) return reject(error);
        sftp.once('close', () => (this.#sftp = undefined));
        sftp.on('error', () => undefined);
        resolve(sftp);
      });
    });
    try {
      return await this.whileOpen(this.#sftp, 'the start of SFTP', signal);
    } catch (error) {
      if (error instanceof FailureError) throw error;
      return undefined;
    }
  }

  /** Ends it at once. A goodbye would be waited for, and the other side may be gone without a word. */
  drop(): void {
    this.#reason ??= 'it was ended here';
    this.client.destroy();
    this.#release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#reason ??= 'it was ended here';
    this.client.end();
    this.#release();
    return Promise.resolve();
  }
}
