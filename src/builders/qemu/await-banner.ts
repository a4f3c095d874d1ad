import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** QEMU takes connections before the machine does; those would hang. An emulated server needs a moment to greet. */
const GREETING_MS = 3000;
const PAUSE_MS = 250;

/**
 * Waits until an SSH server greets at a port of 127.0.0.1 (RFC 4253, 4.2).
 * @param deadline by performance.now()
 * @returns whether one did
 */
export async function awaitBanner(port: number, deadline: number, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted && performance.now() < deadline) {
    if (await greets(port, signal)) return true;
    await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

function greets(port: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', signal });
    const end = (greeted: boolean): void => {
      socket.destroy();
      resolve(greeted);
    };
    socket.setTimeout(GREETING_MS, () => end(false));
    socket.once('data', (bytes: Buffer) => end(bytes.toString('latin1').startsWith('SSH-')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
  });
}
