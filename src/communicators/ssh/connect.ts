import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, ConnectConfig } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';
import { authenticate, type Authentication } from './authentication.ts';
import { allowCertificates } from './certificate.ts';
import { acceptsHostKey, fingerprintOf, hostKeyAlgorithms } from './host-key.ts';
import { openRoute, type Transport } from './open-route.ts';
import { SshConnection } from './ssh-connection.ts';
import { describeTarget, type SshTarget } from './ssh-target.ts';

export interface SshConnectOptions {
  readonly signal: AbortSignal;
  /** Last moment (`performance.now()`) to be connected. */
  readonly deadline: number;
  /** How often a login may fail; what breaks before the server is asked for it does not count. */
  readonly handshakeAttempts?: number;
  /** Told why a try failed; the next one follows after a second. */
  readonly onRetry?: (reason: string) => void;
  /** A connection to the target's port that is open already; the first try goes over it. */
  readonly socket?: Socket;
}

const RETRY_MS = 1000;
/** One handshake; emulated machines need seconds for the key exchange. */
const HANDSHAKE_MS = 30_000;
/** Unanswered signs of life after which a connection counts as dead. */
const KEEP_ALIVES = 12;

/**
 * Connects and logs in, again and again until it works, the deadline is over or the handshakes are used up.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function connect(target: SshTarget, options: SshConnectOptions): Promise<SshConnection> {
  let refusals = 0;
  let { socket } = options;
  // What is wrong with the installation does not become better by trying again.
  const { Client: SshClient } = (await import('ssh2')).default;
  for (;;) {
    throwIfStopped(options.signal);
    try {
      const login = await authenticate(target);
      const viaBastion = (bastion: SshTarget): Promise<Transport> => throughBastion(bastion, target, options);
      const transport = await openRoute(target, viaBastion, socket);
      socket = undefined;
      return await handshake(new SshClient(), target, login, transport, options);
    } catch (error) {
      throwIfStopped(options.signal);
      if (error instanceof FailureError) throw error;
      const reason = messageOf(error);
      if (error instanceof LoginRefused) refusals += 1;
      const usedUp = refusals >= (options.handshakeAttempts ?? Infinity);
      if (usedUp || performance.now() + RETRY_MS >= options.deadline) {
        const tries = usedUp ? ` (after ${refusals} handshakes)` : '';
        const message = `no SSH connection to ${describeTarget(target)}: ${reason}${tries}`;
        throw new FailureError({ reason: 'communicator-failed', message, cause: error });
      }
      options.onRetry?.(reason);
      await sleep(RETRY_MS, undefined, { signal: options.signal }).catch(() => undefined);
    }
  }
}

/** The server was asked to let somebody in, and did not. */
class LoginRefused extends Error {}

function throwIfStopped(signal: AbortSignal): void {
  if (signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
}

/** Connection errors to several addresses of one name have their texts inside. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join('; ');
  return error instanceof Error ? error.message : String(error);
}

/** Logs in to the bastion and asks it to connect to the target. */
async function throughBastion(
  bastion: SshTarget,
  target: SshTarget,
  options: SshConnectOptions,
): Promise<Transport> {
  const connection = await connect(bastion, options);
  const release = (): void => void connection[Symbol.asyncDispose]();
  try {
    const stream = await connection.whileOpen(
      new Promise<Transport['stream']>((resolve, reject) => {
        connection.client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
          if (error === undefined) resolve(channel);
          else reject(new Error(`the bastion cannot reach ${target.host}:${target.port}: ${error.message}`));
        });
      }),
      `forwarding through the bastion ${describeTarget(bastion)}`,
    );
    return { stream, release };
  } catch (error) {
    release();
    throw error;
  }
}

async function handshake(
  client: Client,
  target: SshTarget,
  login: Authentication,
  transport: Transport,
  { signal, deadline }: SshConnectOptions,
): Promise<SshConnection> {
  let hostKey = '';
  let refusal: FailureError | undefined;
  const verify = (blob: Buffer): boolean => {
    hostKey = fingerprintOf(blob);
    if (acceptsHostKey(target.hostKey, blob)) return true;
    refusal = hostKeyFailure(target, hostKey);
    return false;
  };
  const left = deadline - performance.now();
  const config: ConnectConfig = {
    sock: transport.stream,
    username: target.user,
    authHandler: login.handler,
    hostVerifier: verify,
    readyTimeout: Math.max(1000, Math.min(HANDSHAKE_MS, left)),
    keepaliveInterval: Math.max(0, target.keepAliveMs ?? 0),
    keepaliveCountMax: KEEP_ALIVES,
    algorithms: algorithmsOf(target),
    ...(target.forwardAgent !== undefined && { agent: target.forwardAgent }),
  };
  try {
    await ready(client, config, signal);
  } catch (error) {
    client.destroy();
    transport.stream.destroy();
    transport.release();
    if (refusal !== undefined) throw refusal;
    if (!login.wasAsked() || error instanceof FailureError) throw error;
    const why = isLevel(error, 'client-authentication') ? login.explain() : messageOf(error);
    throw new LoginRefused(why, { cause: error });
  }
  const forwardsAgent = target.forwardAgent !== undefined;
  return new SshConnection(
    client,
    { name: describeTarget(target), hostKey, forwardsAgent },
    transport.release,
  );
}

function ready(client: Client, config: ConnectConfig, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      client.destroy();
      reject(new Error('stopped'));
    };
    signal.addEventListener('abort', stop, { once: true });
    const done = (): void => signal.removeEventListener('abort', stop);
    client.once('ready', () => {
      done();
      resolve();
    });
    client.once('close', () => {
      done();
      reject(new Error('the connection was closed'));
    });
    // Stays for the whole life of the client: an error without a listener would end imgpipe.
    client.on('error', (error) => {
      done();
      client.destroy();
      reject(error);
    });
    try {
      client.connect(config);
    } catch (error) {
      // Before anything is sent: an algorithm that the library does not have.
      done();
      reject(notOffered(error));
      return;
    }
    allowCertificates(client);
  });
}

function algorithmsOf({
  ciphers,
  keyExchanges,
  hostKey,
}: SshTarget): NonNullable<ConnectConfig['algorithms']> {
  const serverHostKey = hostKeyAlgorithms(hostKey);
  const algorithms = {
    ...(ciphers !== undefined && { cipher: [...ciphers] }),
    ...(keyExchanges !== undefined && { kex: [...keyExchanges] }),
    ...(serverHostKey !== undefined && { serverHostKey }),
  };
  // Names are the user's; ssh2 refuses those it does not know.
  return algorithms as NonNullable<ConnectConfig['algorithms']>;
}

function notOffered(error: unknown): FailureError {
  return new FailureError({
    reason: 'template-invalid',
    message: `SSH: ${messageOf(error)}`,
    hint: 'see `ssh_ciphers` and `ssh_key_exchange_algorithms`; what OpenSSH offers by default is known here too',
    cause: error,
  });
}

function hostKeyFailure(target: SshTarget, shown: string): FailureError {
  return new FailureError({
    reason: 'communicator-failed',
    message: `${describeTarget(target)} has the host key ${shown}, which is not the expected one`,
    hint: 'find out why another system answers there; if its key was changed on purpose, change the expected one',
  });
}

function isLevel(error: unknown, level: string): boolean {
  return error instanceof Error && 'level' in error && error.level === level;
}
