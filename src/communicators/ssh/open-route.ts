import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SshTarget } from './ssh-target.ts';

/** A byte stream to the server's port, and what ends with it. */
export interface Transport {
  readonly stream: Duplex;
  /** Ends what carries the stream (the bastion's connection). */
  readonly release: () => void;
}

const CONNECT_MS = 15_000;

/**
 * Opens the way to the target's port: straight, through a SOCKS5 proxy, or through a bastion to which `viaBastion`
 * connects. Rejects with a plain error: the caller tries again.
 * @param open a connection that leads straight there already
 */
export async function openRoute(
  target: SshTarget,
  viaBastion: (bastion: SshTarget) => Promise<Transport>,
  open?: Socket,
): Promise<Transport> {
  const { route, connectTimeoutMs = CONNECT_MS } = target;
  if (route?.type === 'bastion') return await viaBastion(route.target);
  const socket =
    route === undefined
      ? (open ?? (await connectSocket(target, connectTimeoutMs)))
      : await connectThroughProxy(target, route, connectTimeoutMs);
  socket.setNoDelay(true);
  if ((target.idleTimeoutMs ?? 0) > 0) {
    const seconds = (target.idleTimeoutMs ?? 0) / 1000;
    socket.setTimeout(target.idleTimeoutMs ?? 0, () => {
      socket.destroy(new Error(`the server was silent for ${seconds} s`));
    });
  }
  return { stream: socket, release: () => undefined };
}

function connectSocket({ host, port }: SshTarget, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no TCP connection to ${host}:${port} within ${timeoutMs / 1000} s`));
    }, timeoutMs);
    socket.once('error', reject);
    socket.once('close', () => clearTimeout(timer));
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}

async function connectThroughProxy(
  target: SshTarget,
  proxy: Extract<SshTarget['route'], { type: 'socks5' }>,
  timeoutMs: number,
): Promise<Socket> {
  const { SocksClient } = await import('./socks-library.ts');
  const { socket } = await SocksClient.createConnection({
    proxy: {
      host: proxy.host,
      port: proxy.port,
      type: 5,
      ...(proxy.user !== undefined && { userId: proxy.user, password: proxy.password ?? '' }),
    },
    command: 'connect',
    destination: { host: target.host, port: target.port },
    timeout: timeoutMs,
  });
  return socket;
}
