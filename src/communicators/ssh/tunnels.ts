import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TcpConnectionDetails } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';
import type { SshConnection } from './ssh-connection.ts';

/** `PORT:HOST:HOSTPORT`: who connects to PORT on one side gets through to HOST:HOSTPORT from the other side. */
export interface Tunnel {
  readonly port: number;
  readonly host: string;
  readonly hostPort: number;
}

/** Reads a tunnel in Packer's (and ssh's) form; undefined when the text is none. IPv6 addresses stand in brackets. */
export function parseTunnel(text: string): Tunnel | undefined {
  const match = /^(\d{1,5}):(\[[^\]]+\]|[^:[\]]+):(\d{1,5})$/.exec(text.trim());
  const [port, hostPort] = [Number(match?.[1]), Number(match?.[3])];
  if (match?.[2] === undefined || port > 65_535 || hostPort < 1 || hostPort > 65_535) return undefined;
  return { port, host: match[2].replace(/^\[|\]$/g, ''), hostPort };
}

/** An open tunnel; disposing it closes it for new connections. It ends with the SSH connection. */
export interface OpenTunnel extends AsyncDisposable {
  /** Where it listens; chosen by the system when 0 was asked for. */
  readonly port: number;
}

/**
 * Listens on 127.0.0.1 of this host and connects from the machine.
 * @throws FailureError `communicator-failed` when the port is taken
 */
export async function openLocalTunnel(connection: SshConnection, tunnel: Tunnel): Promise<OpenTunnel> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    // On a connection that has just broken, ssh2 throws.
    try {
      connection.client.forwardOut('127.0.0.1', 0, tunnel.host, tunnel.hostPort, (error, channel) => {
        if (error === undefined) join(socket, channel);
        else socket.destroy();
      });
    } catch {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(tunnel.port, 'here', error)));
    server.listen(tunnel.port, '127.0.0.1', resolve);
  });
  const close = (): void => void server.close();
  void connection.closed.then(close);
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : tunnel.port,
    [Symbol.asyncDispose]: () => {
      close();
      return Promise.resolve();
    },
  };
}

/**
 * Listens on localhost of the machine and connects from this host.
 * @throws FailureError `communicator-failed` when the server does not allow it
 */
export async function openRemoteTunnel(connection: SshConnection, tunnel: Tunnel): Promise<OpenTunnel> {
  const { client } = connection;
  const asked = new Promise<number>((resolve, reject) => {
    client.forwardIn('localhost', tunnel.port, (error, port) => {
      if (error === undefined) resolve(tunnel.port === 0 ? port : tunnel.port);
      else reject(cannotListen(tunnel.port, `on ${connection.name}`, error));
    });
  });
  const port = await connection.whileOpen(asked, 'the opening of a tunnel');
  const take = (details: TcpConnectionDetails, accept: () => Duplex): void => {
    if (details.destPort !== port) return;
    const socket = connect({ host: tunnel.host, port: tunnel.hostPort, allowHalfOpen: true });
    join(socket, accept());
  };
  client.on('tcp connection', take);
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      client.removeListener('tcp connection', take);
      if (!connection.isOpen) return;
      const closed = new Promise<void>((resolve) => client.unforwardIn('localhost', port, () => resolve()));
      await connection.whileOpen(closed, 'the closing of a tunnel').catch(() => undefined);
    },
  };
}

function join(socket: Socket, channel: Duplex): void {
  const end = (): void => {
    socket.destroy();
    channel.destroy();
  };
  socket.once('error', end);
  channel.once('error', end);
  channel.once('close', () => socket.destroySoon());
  socket.pipe(channel).pipe(socket);
}

function cannotListen(port: number, where: string, error: Error): FailureError {
  return new FailureError({
    reason: 'communicator-failed',
    message: `cannot open a tunnel at port ${port} ${where}: ${error.message}`,
    cause: error,
  });
}
