import { createServer, type Server, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { awaitBanner } from '../../../../src/builders/qemu/await-banner.ts';

/** A server that treats its first connections as told. */
async function serve(
  onConnection: (socket: Socket, count: number) => void,
): Promise<{ port: number; count: () => number }> {
  let count = 0;
  const server: Server = createServer((socket) => {
    count += 1;
    socket.on('error', () => undefined);
    onConnection(socket, count);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { port: (server.address() as { port: number }).port, count: () => count };
}

const never = new AbortController().signal;
const soon = (ms: number): number => performance.now() + ms;

/** All that comes on a connection, from its greeting on. */
async function text(socket: Socket | undefined): Promise<string> {
  let read = '';
  for await (const bytes of socket ?? []) read += String(bytes);
  return read;
}

test('a server that closes, or is another one, is asked again until it greets', async () => {
  const server = await serve((socket, count) => {
    if (count === 1) socket.destroy();
    else socket.end(count === 2 ? 'HTTP/1.1 400\r\n' : 'SSH-2.0-OpenSSH_9.2\r\n');
  });
  const socket = await awaitBanner(server.port, soon(20_000), never);
  expect(server.count()).toBe(3);
  expect(await text(socket)).toBe('SSH-2.0-OpenSSH_9.2\r\n');
});

test('a connection that QEMU took for a machine that does not listen yet does not hold it up', async () => {
  const held: Socket[] = [];
  const server = await serve((socket, count) => {
    if (count === 1) held.push(socket);
    else socket.end('SSH-2.0-x\r\n');
  });
  onTestFinished(() => held.forEach((socket) => socket.destroy()));
  expect(await text(await awaitBanner(server.port, soon(20_000), never))).toBe('SSH-2.0-x\r\n');
});

test('it ends at its deadline, and when it is stopped', async () => {
  const server = await serve((socket) => void socket.destroy());
  expect(await awaitBanner(server.port, soon(300), never)).toBeUndefined();
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 100);
  expect(await awaitBanner(server.port, Infinity, stop.signal)).toBeUndefined();
});
