import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** A TCP proxy whose connections a test can break. */
export interface CuttingProxy {
  readonly port: number;
  /** Connections taken so far. */
  readonly connections: () => number;
  /** Breaks all connections once this many more bytes have gone to the server. */
  readonly cutAfter: (bytes: number) => void;
  /** Breaks all connections now. */
  readonly cut: () => void;
  /** Lets nothing more through, in either direction, and closes nothing. */
  readonly stall: () => void;
  /** Refuses new connections from now on, or takes them again. */
  readonly refuse: (yes: boolean) => void;
}

/** Starts a proxy to a port of 127.0.0.1 on another one. */
export async function startCuttingProxy(target: number): Promise<CuttingProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let [left, taken, stalled, refusing] = [Infinity, 0, false, false];
  const cut = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy();
    pairs.clear();
    left = Infinity;
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (refusing) return void client.destroy();
    taken += 1;
    const upstream = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    const pair = [client, upstream] as const;
    pairs.add(pair);
    for (const [from, to] of [pair, pair.toReversed()] as [Socket, Socket][]) {
      from.on('error', () => undefined);
      from.on('close', () => to.destroy());
      // Stalled, it does not answer a goodbye either.
      from.on('end', () => {
        if (!stalled) to.end();
      });
      from.on('data', (data) => {
        if (stalled) return;
        to.write(data);
        if (from !== client) return;
        left -= data.length;
        if (left <= 0) cut();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    cut();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    connections: () => taken,
    cutAfter: (bytes) => (left = bytes),
    cut,
    stall: () => (stalled = true),
    refuse: (yes) => (refusing = yes),
  };
}
