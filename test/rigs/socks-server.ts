import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export interface SocksServer {
  readonly port: number;
  /** Where clients were connected to, `host:port`. */
  readonly destinations: () => readonly string[];
}

/** A SOCKS5 proxy (RFC 1928, RFC 1929) for IPv4 destinations, on 127.0.0.1. */
export async function startSocksServer(login?: { user: string; password: string }): Promise<SocksServer> {
  const destinations: string[] = [];
  const serve = async (client: Socket): Promise<void> => {
    const [, methods = 0] = await read(client, 2);
    const offered = await read(client, methods);
    const method = login === undefined ? 0 : 2;
    if (!offered.includes(method)) return void client.end(Buffer.from([5, 0xff]));
    client.write(Buffer.from([5, method]));
    if (login !== undefined) {
      const [, userLength = 0] = await read(client, 2);
      const user = (await read(client, userLength)).toString();
      const [passwordLength = 0] = await read(client, 1);
      const password = (await read(client, passwordLength)).toString();
      if (user !== login.user || password !== login.password) return void client.end(Buffer.from([1, 1]));
      client.write(Buffer.from([1, 0]));
    }
    const request = await read(client, 10);
    const host = request.subarray(4, 8).join('.');
    const port = request.readUInt16BE(8);
    destinations.push(`${host}:${port}`);
    const upstream = connect(port, host);
    upstream.on('error', () => client.destroy());
    client.on('close', () => upstream.destroy());
    client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    client.pipe(upstream).pipe(client);
  };
  const server = createServer((client) => {
    client.on('error', () => undefined);
    void serve(client).catch(() => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as AddressInfo).port, destinations: () => destinations };
}

async function read(socket: Socket, length: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(length) as Buffer | null;
    if (bytes !== null) return bytes;
    if (socket.destroyed) throw new Error('closed');
    await new Promise((resolve) => socket.once('readable', resolve));
  }
}
