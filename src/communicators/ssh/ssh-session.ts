import type { Client } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Private key in OpenSSH or PEM form. */
  readonly privateKey: string;
}

export interface SshExecOutcome {
  /** Exit code, or undefined when a signal ended the command. */
  readonly code: number | undefined;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** One kept connection to a machine: a new one costs about 0.8 s on an emulated processor, a command on it 0.15 s. */
export interface SshSession extends AsyncDisposable {
  /** Runs a command line in the user's shell. @throws FailureError `communicator-failed` when the connection breaks */
  exec(command: string, options?: { readonly timeoutMs?: number }): Promise<SshExecOutcome>;
}

export interface SshConnectOptions {
  readonly signal: AbortSignal;
  /** Last moment (`performance.now()`) to be connected. */
  readonly deadline: number;
  /** Told why a try failed; the next one follows after a second. */
  readonly onRetry?: (reason: string) => void;
}

const RETRY_MS = 1000;
/** One handshake; emulated machines need seconds for the key exchange. */
const HANDSHAKE_MS = 30_000;

/**
 * Connects and logs in by key, again and again until it works or the deadline is over. The host's key is not
 * checked: this is for machines that were just made, whose key nobody can know yet.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function connectSsh(target: SshTarget, options: SshConnectOptions): Promise<SshSession> {
  const { Client: SshClient } = (await import('ssh2')).default;
  for (;;) {
    if (options.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const left = options.deadline - performance.now();
    try {
      const client = new SshClient();
      await handshake(client, target, Math.max(1000, Math.min(HANDSHAKE_MS, left)), options.signal);
      return new Ssh2Session(client);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (performance.now() + RETRY_MS >= options.deadline || options.signal.aborted) {
        const message = `no SSH connection to ${target.user}@${target.host}:${target.port}: ${reason}`;
        throw new FailureError({ reason: 'communicator-failed', message, cause: error });
      }
      options.onRetry?.(reason);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function handshake(client: Client, target: SshTarget, timeoutMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => void client.destroy();
    const settle = (body: () => void) => () => {
      signal.removeEventListener('abort', stop);
      body();
    };
    signal.addEventListener('abort', stop, { once: true });
    client.once('ready', settle(resolve));
    client.once(
      'close',
      settle(() => reject(new Error('the connection was closed'))),
    );
    // Stays for the whole life of the client: an error without a listener would end imgpipe.
    client.on('error', (error) => {
      signal.removeEventListener('abort', stop);
      client.destroy();
      reject(error);
    });
    client.connect({
      host: target.host,
      port: target.port,
      username: target.user,
      privateKey: target.privateKey,
      readyTimeout: timeoutMs,
      hostVerifier: () => true,
    });
  });
}

class Ssh2Session implements SshSession {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  exec(
    command: string,
    { timeoutMs = 60_000 }: { readonly timeoutMs?: number } = {},
  ): Promise<SshExecOutcome> {
    return new Promise((resolve, reject) => {
      const broken = (reason: string): void => {
        clearTimeout(timer);
        this.#client.removeListener('close', closed);
        reject(new FailureError({ reason: 'communicator-failed', message: `SSH: ${reason}: ${command}` }));
      };
      const closed = (): void => broken('the connection broke during');
      const timer = setTimeout(() => broken(`no answer within ${timeoutMs / 1000} s to`), timeoutMs);
      this.#client.once('close', closed);
      this.#client.exec(command, (error, channel) => {
        if (error !== undefined) return broken(error.message);
        const output = { stdout: '', stderr: '' };
        channel.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
        channel.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
        channel.on('close', (code: number | null, signal?: string) => {
          clearTimeout(timer);
          this.#client.removeListener('close', closed);
          resolve({ code: code ?? undefined, ...(signal !== undefined && { signal }), ...output });
        });
      });
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client.end();
    this.#client.destroy();
    return Promise.resolve();
  }
}
