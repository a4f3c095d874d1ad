import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { runHostCommand } from '../../util/exec.ts';
import type { CheckContext } from '../check.ts';
import { kvmWorks } from './accelerator.ts';
import { findUefiFirmware } from './firmware.ts';
import { findFreePorts } from '../../util/free-port.ts';
import type { BootOptions } from './options.ts';
import { qemuTarget, type MachineSettings } from './qemu-command.ts';
import { makeDiskWithKey, makeOverlay } from './throw-away-disk.ts';
import { VirtualMachine } from './virtual-machine.ts';

/** How often other ports are tried when another process took one in between. */
const PORT_TRIES = 3;

/** How long QEMU takes at most to find a port taken or an option wrong. */
const SETTLE_MS = 700;

/**
 * Starts the image on a throw-away disk, with the ports that the options speak of forwarded.
 * @param publicKey authorized for the options' user in the throw-away disk, when the check logs in
 * @throws FailureError `check-failed`, `tool-missing`, `disk-full`, `aborted`
 */
export async function startMachine(
  options: BootOptions,
  publicKey: string | undefined,
  context: CheckContext,
): Promise<VirtualMachine> {
  const { architecture, disk: spec } = context.pipeline;
  const target = qemuTarget(architecture);
  if (target === undefined) {
    throw new FailureError({
      reason: 'check-failed',
      message: `imgpipe cannot boot ${architecture} images yet`,
    });
  }
  const tools = { workspace: { spawn: runHostCommand }, signal: context.signal, log: context.log };
  const disk = await (publicKey === undefined
    ? makeOverlay(tools, context.image, context.scratch)
    : makeDiskWithKey(tools, context.image, context.scratch, { user: options.user, publicKey }));
  const firmware =
    options.firmware ?? (spec.firmware === 'uefi' || target.machine === 'virt' ? 'uefi' : 'bios');
  const settings: Omit<MachineSettings, 'forwards'> = {
    target,
    kvm: await kvmWorks(target.program, architecture),
    memory: options.memory,
    cpus: options.cpus,
    disk,
    uefi: firmware === 'uefi' ? await findUefiFirmware(target.name, context.scratch) : undefined,
    consoleFile: join(context.scratch, 'console.log'),
  };
  context.log(`boots by ${firmware}, ${settings.kvm ? 'with KVM' : 'emulated: KVM does not work here'}`);
  const inside = [...new Set([22, ...options.ports.map(portOf), ...options.http.map(portOf)])];
  for (let attempt = 1; ; attempt += 1) {
    const outside = await findFreePorts(inside.length);
    const forwards = new Map(inside.map((port, index) => [port, outside[index] ?? 0]));
    const machine = await VirtualMachine.start({ ...settings, forwards }, context);
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    if (machine.exit === undefined || !machine.lostPort || attempt === PORT_TRIES) return machine;
    await machine[Symbol.asyncDispose]();
  }
}

function portOf(item: number | { readonly port: number }): number {
  return typeof item === 'number' ? item : item.port;
}
