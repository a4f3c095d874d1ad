import { join } from 'node:path';
import { kvmWorks } from '../../builders/qemu/accelerator.ts';
import { findUefiFirmware } from '../../builders/qemu/firmware.ts';
import { qemuTarget, type MachineSettings } from '../../builders/qemu/qemu-command.ts';
import { startForwarded } from '../../builders/qemu/start-machine.ts';
import type { VirtualMachine } from '../../builders/qemu/virtual-machine.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import { runHostCommand } from '../../util/exec.ts';
import type { CheckContext } from '../check.ts';
import type { BootOptions } from './options.ts';
import { makeDiskWithKey, makeOverlay } from './throw-away-disk.ts';

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
  const firmware =
    options.firmware ?? (spec.firmware === 'uefi' || target.machine === 'virt' ? 'uefi' : 'bios');
  checkFirmware(firmware, context);
  const tools = { workspace: { spawn: runHostCommand }, signal: context.signal, log: context.log };
  const disk = await (publicKey === undefined
    ? makeOverlay(tools, context.image, context.scratch)
    : makeDiskWithKey(tools, context.image, context.scratch, { user: options.user, publicKey }));
  const settings: Omit<MachineSettings, 'forwards'> = {
    name: 'imgpipe-boot-check',
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
  return await startForwarded(settings, inside, context);
}

/**
 * A disk without a loader for the firmware would be waited for in vain. An ISO has loaders of its own.
 * @throws FailureError `check-failed`
 */
function checkFirmware(firmware: 'bios' | 'uefi', { pipeline, image }: CheckContext): void {
  const has = pipeline.disk.firmware;
  if (has === 'both' || has === firmware || image.path.endsWith('.iso')) return;
  throw new FailureError({
    reason: 'check-failed',
    message: `the disk boots by ${has.toUpperCase()} only, so it cannot be started by ${firmware.toUpperCase()}`,
    hint: 'choose another `firmware` of the check, or `both` as that of the disk',
  });
}

function portOf(item: number | { readonly port: number }): number {
  return typeof item === 'number' ? item : item.port;
}
