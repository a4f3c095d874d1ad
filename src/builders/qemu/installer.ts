import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SshCommunicator } from '../../communicators/ssh/ssh-communicator.ts';
import { communicatorFromOptions } from '../../communicators/ssh/target-from-options.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { IsoOptions } from '../../sources/iso.ts';
import type { DriverContext } from '../machine-builder.ts';
import { hostProgram } from './host-program.ts';
import { fillIn, type BootValues } from './media.ts';
import type { QemuOptions } from './options.ts';
import type { MachinePlan, RunningMachine } from './running-machine.ts';
import { notReached } from './wait-for-ssh.ts';

/** File systems that a live or installing system has as its root. */
const LIVE_ROOTS = ['overlay', 'overlayfs', 'aufs', 'tmpfs', 'ramfs', 'rootfs', 'squashfs', 'iso9660'];
const POLL_MS = 2000;

/**
 * Gets the kernel of an installation medium out of it, to be started without a boot menu.
 * @returns undefined when the source does not name one
 */
export async function mediumKernel(
  medium: { readonly path: string; readonly options: IsoOptions },
  values: BootValues,
  folder: string,
  signal: AbortSignal,
): Promise<MachinePlan['kernel']> {
  const { kernel, initrd, append } = medium.options;
  if (kernel === undefined) return undefined;
  const take = async (name: string, target: string): Promise<string> => {
    const path = join(folder, target);
    const extract = ['-extract', `/${name.replace(/^\/+/, '')}`, path];
    await hostProgram(['xorriso', '-osirrox', 'on', '-indev', medium.path, ...extract], {
      signal,
      reason: 'source-failed',
    });
    return path;
  };
  return {
    path: await take(kernel, 'kernel'),
    append: fillIn(append, values),
    ...(initrd !== undefined && { initrd: await take(initrd, 'initrd') }),
  };
}

/**
 * Waits until QEMU ends: an installer has restarted the machine or switched it off.
 * @throws FailureError `communicator-failed` when it does not get there
 */
export async function awaitInstaller(
  running: RunningMachine,
  options: QemuOptions,
  context: DriverContext,
): Promise<void> {
  // Nobody gets in when it is done: Packer's time for that is the one to shut down.
  const isAlone = options.communicator === 'none';
  const timeoutMs = isAlone ? options.shutdown_timeout : communicatorFromOptions(options).timeoutMs;
  const what = isAlone ? 'the machine' : 'the installer';
  const deadline = performance.now() + timeoutMs;
  context.status(isAlone ? 'runs until it switches itself off' : 'installs');
  while (!(await running.hasEnded(POLL_MS))) {
    if (context.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const why = running.console.deadEnd;
    if (why !== undefined) throw await notReached(running, why, context);
    if (performance.now() > deadline)
      throw await notReached(running, `${what} did not end within ${timeoutMs / 1000} s`, context);
  }
}

/**
 * Waits until it is no longer the installer whose SSH server answers, but the system that it has installed.
 * @throws FailureError `communicator-failed`
 */
export async function awaitInstalled(
  running: RunningMachine,
  communicator: Pick<SshCommunicator, 'exec' | 'reconnect'>,
  options: QemuOptions,
  context: DriverContext,
  pollMs: number = POLL_MS,
): Promise<void> {
  const { timeoutMs } = communicatorFromOptions(options);
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const type = await rootType(communicator).catch(() => undefined);
    if (type !== undefined && !LIVE_ROOTS.includes(type)) return;
    context.status('the installer answers; waits for the installed system');
    if (running.vm.exit !== undefined)
      throw await notReached(running, 'the machine switched itself off', context);
    if (performance.now() > deadline) throw await notReached(running, 'only the installer answers', context);
    await sleep(pollMs);
    if (type === undefined) await communicator.reconnect(Math.max(1000, deadline - performance.now()));
  }
}

async function rootType(communicator: Pick<SshCommunicator, 'exec'>): Promise<string | undefined> {
  const { stdout } = await communicator.exec(
    'awk \'$2 == "/" { type = $3 } END { print type }\' /proc/mounts',
    {
      timeoutMs: 20_000,
    },
  );
  return stdout.trim() === '' ? undefined : stdout.trim();
}
