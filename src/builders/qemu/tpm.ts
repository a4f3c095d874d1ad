import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { toolEnvironment } from '../../util/tool-environment.ts';
import type { DriverContext } from '../machine-builder.ts';
import { programMissing } from './host-program.ts';
import type { QemuOptions } from './options.ts';

/** A TPM for one machine, by swtpm. It ends with the machine that is connected to it. */
export interface Tpm extends AsyncDisposable {
  readonly socket: string;
  /** Copies its lasting state; the machine stands still. @returns whether it has any yet */
  save(target: string): Promise<boolean>;
}

const WAIT_MS = 10_000;

/**
 * Starts a TPM, in the state of `from` or new.
 * @param folder of this machine's sockets
 * @throws FailureError `tool-missing`, `step-failed`
 */
export async function startTpm(
  options: QemuOptions,
  folder: string,
  context: DriverContext,
  from?: string,
): Promise<Tpm> {
  const state = join(folder, 'tpm-state');
  const socket = join(folder, 'tpm');
  const file = join(state, options.use_tpm1 ? 'tpm-00.permall' : 'tpm2-00.permall');
  await mkdir(state, { recursive: true });
  if (from !== undefined) await copyFile(from, file);
  const version = options.use_tpm1 ? [] : ['--tpm2'];
  const swtpm = ['swtpm', 'socket', ...version, '--tpmstate', `dir=${state}`, '--terminate'];
  const args = ['--pdeathsig', 'KILL', ...swtpm, '--ctrl', `type=unixio,path=${socket}`];
  const child = spawn('setpriv', args, {
    env: toolEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) =>
    child.once('close', () => resolve()).once('error', () => resolve()),
  );
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  const strike =
    child.pid === undefined
      ? (): void => undefined
      : context.ledger({ type: 'process', pid: child.pid, what: 'swtpm (TPM of a virtual machine)' });
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    strike();
  };
  const deadline = performance.now() + WAIT_MS;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      await kill();
      if (/No such file/.test(errors)) throw programMissing('swtpm');
      throw new FailureError({ reason: 'step-failed', message: `swtpm does not start: ${errors.trim()}` });
    }
    await sleep(20);
  }
  return {
    socket,
    save: async (target) => {
      if (!existsSync(file)) return false;
      await copyFile(file, target);
      return true;
    },
    [Symbol.asyncDispose]: kill,
  };
}
