import { findFreePorts } from '../../util/free-port.ts';
import type { MachineSettings } from './qemu-command.ts';
import { VirtualMachine, type MachineContext } from './virtual-machine.ts';

/** How often other ports are tried when another process took one in between. */
const PORT_TRIES = 3;

/** How long QEMU takes at most to find a port taken or an option wrong. */
const SETTLE_MS = 700;

/**
 * Starts a machine some of whose ports are reached through free ports of 127.0.0.1, see `forwards`. A machine that
 * ended at once for another reason than a taken port is given back too: its `exit` and `errors` tell why.
 * @throws FailureError `tool-missing`, `aborted`
 */
export async function startForwarded(
  settings: Omit<MachineSettings, 'forwards'>,
  ports: readonly number[],
  context: MachineContext,
  choosePorts: (count: number) => Promise<number[]> = findFreePorts,
): Promise<VirtualMachine> {
  for (let attempt = 1; ; attempt += 1) {
    const outside = await choosePorts(ports.length);
    const forwards = new Map(ports.map((port, index) => [port, outside[index] ?? 0]));
    const machine = await VirtualMachine.start({ ...settings, forwards }, context);
    await Promise.race([machine.ended, new Promise((resolve) => setTimeout(resolve, SETTLE_MS))]);
    if (machine.exit === undefined || !machine.lostPort || attempt === PORT_TRIES) return machine;
    await machine[Symbol.asyncDispose]();
  }
}
