import { setTimeout as sleep } from 'node:timers/promises';
import type { SshOptions } from '../communicators/ssh/options.ts';
import type { SshCommunicator } from '../communicators/ssh/ssh-communicator.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { DriverContext } from './machine-builder.ts';

/**
 * `pause_before_connecting`: the first connection shows that the machine is there; it may well be on its way to another
 * restart of its SSH server, so the one that counts is made after the pause.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function pauseBeforeConnecting(
  communicator: SshCommunicator,
  { pause_before_connecting: pause = 0 }: Pick<SshOptions, 'pause_before_connecting'>,
  { log, signal }: Pick<DriverContext, 'log' | 'signal'>,
): Promise<void> {
  if (pause === 0) return;
  log(`Pausing ${pause / 1000} s before connecting...`);
  try {
    await sleep(pause, undefined, { signal });
    await communicator.reconnect();
  } catch (error) {
    await communicator[Symbol.asyncDispose]();
    if (!signal.aborted) throw error;
    throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
  }
}
