import type { Socket } from 'node:net';
import { FailureError } from '../../diagnostics/failure.ts';
import { connect, type SshConnectOptions } from './connect.ts';
import { downloadTree } from './download-tree.ts';
import {
  downloadFile,
  readRemoteFile,
  uploadFile,
  type TransferOptions,
  type UploadSource,
} from './file-transfer.ts';
import { collect, runCommand, type SshCommand, type SshOutput, type SshRunOutcome } from './run-command.ts';
import type { SshConnection } from './ssh-connection.ts';
import type { SshTarget } from './ssh-target.ts';
import { openLocalTunnel, openRemoteTunnel, type Tunnel } from './tunnels.ts';
import { uploadTree } from './upload-tree.ts';

export interface SshCommunicatorOptions {
  readonly signal: AbortSignal;
  /** For a connection, first or again, in milliseconds. */
  readonly timeoutMs: number;
  readonly handshakeAttempts?: number;
  readonly onRetry?: (reason: string) => void;
  /** A connection to the machine's port that is open already, for the first login. */
  readonly socket?: Socket;
  /** Commands get a terminal unless they say otherwise. */
  readonly pty?: boolean;
  readonly transfer?: TransferOptions['method'];
  /** Opened with every connection. */
  readonly localTunnels?: readonly Tunnel[];
  readonly remoteTunnels?: readonly Tunnel[];
  /** Told when another host key answers than before: another system, such as the installed one after its installer. */
  readonly onHostKeyChange?: (fingerprint: string, before: string) => void;
}

type Command = Omit<SshCommand, 'signal' | 'onOutput'> & Partial<Pick<SshCommand, 'onOutput'>>;
type Transfer = Pick<TransferOptions, 'onProgress'>;

/**
 * The way into one machine over SSH. It keeps one connection and makes a new one for the next operation when the old
 * one is gone; an operation during which the connection breaks fails and is never repeated by itself.
 */
export class SshCommunicator implements AsyncDisposable {
  readonly #target: SshTarget;
  readonly #options: SshCommunicatorOptions;
  #connection: Promise<SshConnection> | undefined;
  #current: SshConnection | undefined;
  #hostKey: string | undefined;
  #socket: Socket | undefined;

  private constructor(target: SshTarget, options: SshCommunicatorOptions) {
    this.#target = target;
    this.#options = options;
    this.#socket = options.socket;
  }

  /** @throws FailureError `communicator-failed`, `aborted` */
  static async connect(target: SshTarget, options: SshCommunicatorOptions): Promise<SshCommunicator> {
    const communicator = new SshCommunicator(target, options);
    await communicator.reconnect();
    return communicator;
  }

  /** Fingerprint of the server's key, `SHA256:…`. */
  get hostKey(): string {
    return this.#hostKey ?? '';
  }

  /** Ends the connection, if there is one, and makes another. @param timeoutMs default: the communicator's */
  async reconnect(timeoutMs: number = this.#options.timeoutMs): Promise<void> {
    await this.#current?.[Symbol.asyncDispose]();
    this.#connection = undefined;
    await this.#open(timeoutMs);
  }

  /** Ends the connection, as its other side is known to be gone: what waits for an answer fails at once. */
  drop(): void {
    this.#current?.drop();
  }

  /** Runs a command line and passes on what it prints. */
  async run(command: Command & Pick<SshCommand, 'onOutput'>): Promise<SshRunOutcome> {
    const { signal, pty = false } = this.#options;
    return await runCommand(await this.#open(), { pty, ...command, signal });
  }

  /** Runs a command line, without a terminal unless asked for, and gives what it printed. */
  async exec(command: string, options: Omit<Command, 'command' | 'onOutput'> = {}): Promise<SshOutput> {
    return await collect(await this.#open(), { ...options, command, signal: this.#options.signal });
  }

  async uploadFile(
    source: UploadSource,
    target: string,
    options: Transfer & { readonly mode?: number } = {},
  ): Promise<void> {
    await uploadFile(await this.#open(), source, target, { ...this.#transfer(), ...options });
  }

  async downloadFile(source: string, target: string, options: Transfer = {}): Promise<void> {
    await downloadFile(await this.#open(), source, target, { ...this.#transfer(), ...options });
  }

  /** What is in `source` comes into `target`. */
  async uploadTree(source: string, target: string, options: Transfer = {}): Promise<void> {
    await uploadTree(await this.#open(), source, target, { ...this.#transfer(), ...options });
  }

  /** What is in `source` comes into `target`. */
  async downloadTree(source: string, target: string, options: Transfer = {}): Promise<void> {
    await downloadTree(await this.#open(), source, target, { ...this.#transfer(), ...options });
  }

  /** Content of a file, or undefined when there is none. */
  async readFile(path: string): Promise<Buffer | undefined> {
    return await readRemoteFile(await this.#open(), path, this.#transfer());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.[Symbol.asyncDispose]();
  }

  #transfer(): TransferOptions {
    const { signal, transfer: method } = this.#options;
    return { signal, ...(method !== undefined && { method }) };
  }

  /** The living connection, or a new one; operations that start at once share it. */
  #open(timeoutMs: number = this.#options.timeoutMs): Promise<SshConnection> {
    if (this.#connection !== undefined && this.#current?.isOpen !== false) return this.#connection;
    this.#current = undefined;
    this.#connection = this.#make(timeoutMs).catch((error: unknown) => {
      this.#connection = undefined;
      throw error;
    });
    return this.#connection;
  }

  async #make(timeoutMs: number): Promise<SshConnection> {
    const { signal, handshakeAttempts, onRetry, localTunnels = [], remoteTunnels = [] } = this.#options;
    const options: SshConnectOptions = {
      signal,
      deadline: performance.now() + timeoutMs,
      ...(handshakeAttempts !== undefined && { handshakeAttempts }),
      ...(onRetry !== undefined && { onRetry }),
      ...(this.#socket !== undefined && { socket: this.#socket }),
    };
    this.#socket = undefined;
    const connection = await connect(this.#target, options);
    if (this.#hostKey !== undefined && this.#hostKey !== connection.hostKey)
      this.#options.onHostKeyChange?.(connection.hostKey, this.#hostKey);
    this.#hostKey = connection.hostKey;
    try {
      for (const tunnel of localTunnels) await openLocalTunnel(connection, tunnel);
      for (const tunnel of remoteTunnels) await openRemoteTunnel(connection, tunnel);
    } catch (error) {
      await connection[Symbol.asyncDispose]();
      throw error;
    }
    this.#current = connection;
    return connection;
  }

  /**
   * Reboots the machine and comes back when it has truly started anew: its boot id (random(4)) is another one.
   * @throws FailureError `communicator-failed` when it does not come back, or comes back without having rebooted
   */
  async reboot(options: RebootOptions): Promise<RebootProof> {
    const began = performance.now();
    const before = await this.#bootId(began + options.timeoutMs);
    const outcome = await this.run({
      command: options.command,
      timeoutMs: options.timeoutMs,
      onOutput: () => {},
    });
    if (outcome.type === 'exited' && outcome.code !== 0) {
      throw new FailureError({
        reason: 'communicator-failed',
        message: `the machine does not reboot: ${JSON.stringify(options.command)} exited with ${outcome.code}`,
      });
    }
    const deadline = began + options.timeoutMs;
    let away: unknown;
    while (performance.now() < deadline) {
      away = undefined;
      const after = await this.#bootId(deadline).catch((error: unknown) => {
        if (this.#options.signal.aborted) throw error;
        away = error;
        return before;
      });
      if (after !== before) return { before, after, durationMs: performance.now() - began };
      await new Promise((resolve) => setTimeout(resolve, REBOOT_POLL_MS));
    }
    const seconds = options.timeoutMs / 1000;
    throw new FailureError({
      reason: 'communicator-failed',
      message:
        away instanceof Error
          ? `the machine did not come back within ${seconds} s of its reboot: ${away.message}`
          : `the machine answers but has not rebooted within ${seconds} s`,
      hint: 'see whether its reboot command works, or raise the time for it',
    });
  }

  async #bootId(deadline: number): Promise<string> {
    const left = Math.max(1000, deadline - performance.now());
    const connection = await this.#open(left);
    const command = `cat ${BOOT_ID}`;
    // A system that goes down may leave the connection open and never answer.
    const timeoutMs = Math.min(left, 10_000);
    const { code, stdout, stderr } = await collect(connection, {
      command,
      timeoutMs,
      signal: this.#options.signal,
    }).catch(async (error: unknown) => {
      await connection[Symbol.asyncDispose]();
      throw error;
    });
    if (code === 0 && stdout.trim() !== '') return stdout.trim();
    throw new FailureError({
      reason: 'communicator-failed',
      message: `the machine has no boot id, so a reboot cannot be proven: ${stderr.trim()}`,
    });
  }
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const REBOOT_POLL_MS = 500;

export interface RebootOptions {
  /** Command line that reboots, e.g. `sudo systemctl reboot`; the connection may break during it. */
  readonly command: string;
  readonly timeoutMs: number;
}

export interface RebootProof {
  readonly before: string;
  readonly after: string;
  readonly durationMs: number;
}
