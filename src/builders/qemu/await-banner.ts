import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** QEMU takes connections before the machine does; those would hang. An emulated server needs a moment to greet. */
const GREETING_MS = 3000;
const PAUSE_MS = 100;

/**
 * Waits until an SSH server greets at a port of 127.0.0.1 (RFC 4253, 4.2).
 * @param deadline by performance.now()
 * @returns the connection on which it did, paused, with the greeting yet to be read
 */
export async function awaitBanner(
  port: number,
  deadline: number,
  signal: AbortSignal,
): Promise<Socket | undefined> {
  while (!signal.aborted && performance.now() < deadline) {
    const greeted = await greets(port, signal);
    if (greeted !== undefined) return greeted;
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

function greets(port: number, signal: AbortSignal): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    const giveUp = (): void => {
      socket.destroy();
      resolve(undefined);
    };
    socket.setTimeout(GREETING_MS, giveUp);
    socket.on('error', giveUp);
    socket.once('close', giveUp);
    socket.once('data', (bytes: Buffer) => {
      if (!bytes.toString('latin1').startsWith('SSH-')) return giveUp();
      socket.pause();
      socket.unshift(bytes);
      socket.setTimeout(0);
      socket.removeListener('timeout', giveUp);
      socket.removeListener('close', giveUp);
      resolve(socket);
    });
  });
}
