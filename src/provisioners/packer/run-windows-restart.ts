import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import type { StepRunContext } from '../provisioner.ts';
import { type Clock, REAL_CLOCK } from './clock.ts';
import { durationMs } from './durations.ts';
import { DISCONNECTED, type RemoteResult, RemoteShell } from './remote-shell.ts';
import { isGiven } from './scripts.ts';
import { stepFailure } from './step-failure.ts';
import type { PackerWindowsRestartOptions } from './windows-restart.ts';

type Remote = RemoteShell<PackerWindowsRestartOptions>;

const RESTART_MS = 300_000;
const CHECK_DELAY_MS = 5000;
const PENDING_DELAY_MS = 10_000;

/** Exit codes of `shutdown` for a restart that is already on its way. */
const ALREADY_RESTARTING = [1115, 1190];
const RESTART_PENDING = [...ALREADY_RESTARTING, 1717];

const RESTART = 'shutdown /r /f /t 0 /c "packer restart"';
const TRY_RESTART = 'shutdown /r /f /t 60 /c "packer restart test"';
const ABORT_RESTART = 'shutdown /a';
const GREETING = 'echo ("{0} restarted." -f [System.Net.Dns]::GetHostName())';

const SERVICING = 'Microsoft\\Windows\\CurrentVersion\\Component Based Servicing';
const PENDING_KEYS = [
  `HKLM:SOFTWARE\\${SERVICING}\\RebootPending`,
  `HKLM:SOFTWARE\\${SERVICING}\\PackagesPending`,
  `HKLM:Software\\${SERVICING}\\RebootInProgress`,
];

/** A PowerShell command as one command line for cmd: nothing in it can be taken for cmd's own signs. */
export const encodedPowershell = (command: string): string =>
  `powershell.exe -EncodedCommand ${Buffer.from(
    `$ProgressPreference = 'SilentlyContinue';${command}`,
    'utf16le',
  ).toString('base64')}`;

/** Restarts the machine and comes back when it answers again, PowerShell with it, and no restart is pending. */
export async function runPackerWindowsRestart(
  options: PackerWindowsRestartOptions,
  machine: Machine,
  context: StepRunContext,
  clock: Clock = REAL_CLOCK,
): Promise<Result<void>> {
  return await capture(async () => {
    const remote = await RemoteShell.open(options, machine, context, clock);
    const timeoutMs = durationMs(remote.options.restart_timeout, RESTART_MS);
    context.log('Restarting Machine');
    const { code } = await remote.retry(timeoutMs, () =>
      remote.run(isGiven(remote.options.restart_command) ? remote.options.restart_command : RESTART),
    );
    if (![0, DISCONNECTED, ...ALREADY_RESTARTING].includes(code)) {
      throw stepFailure(`Restart script exited with non-zero exit status: ${code}`);
    }
    context.log('Waiting for machine to restart...');
    await waitUntilDown(remote);
    await waitUntilBack(remote, clock.now() + timeoutMs);
    context.log('Machine successfully restarted, moving on');
  });
}

/** Comes back when the machine is on its way down, seen by another restart that it refuses. */
async function waitUntilDown(remote: Remote): Promise<void> {
  for (;;) {
    const tried = await attempt(remote, TRY_RESTART);
    // Unreachable, or SSH says that it goes: it restarts.
    if (tried === undefined || tried.code === 1 || tried.code === DISCONNECTED) return;
    if (tried.code === 0) {
      await attempt(remote, ABORT_RESTART);
      return;
    }
    if (!RESTART_PENDING.includes(tried.code)) {
      throw stepFailure(`The machine cannot be asked whether it restarts: exit status ${tried.code}`);
    }
    await remote.clock.wait(PENDING_DELAY_MS, remote.context.signal);
  }
}

async function waitUntilBack(remote: Remote, deadline: number): Promise<void> {
  const { context, clock } = remote;
  const own = remote.options.restart_check_command;
  let ownCheck = isGiven(own) ? own : undefined;
  for (;;) {
    if (clock.now() >= deadline) throw stepFailure('Timeout waiting for machine to restart.');
    await clock.wait(CHECK_DELAY_MS, context.signal);
    if (ownCheck !== undefined) {
      if ((await attempt(remote, ownCheck)) === undefined) continue;
      ownCheck = undefined;
    }
    // Right after the start PowerShell answers without its modules; only what it prints shows that it works.
    const answer = await attempt(remote, encodedPowershell(GREETING));
    if (answer?.stdout.includes('restarted.') !== true) continue;
    if (remote.options.check_registry !== true || !(await isRestartPending(remote))) return;
  }
}

async function isRestartPending(remote: Remote): Promise<boolean> {
  const { registry_keys: own = [] } = remote.options;
  let pending = false;
  for (const key of own.length > 0 ? own : PENDING_KEYS) {
    const answer = await attempt(remote, encodedPowershell(`Test-Path "${key}"`));
    if (answer === undefined || answer.stdout.includes('True')) pending = true;
  }
  return pending;
}

/** Undefined when the machine cannot be reached. */
async function attempt(remote: Remote, command: string): Promise<RemoteResult | undefined> {
  try {
    return await remote.run(command);
  } catch (error) {
    if (error instanceof FailureError && !remote.context.signal.aborted) return undefined;
    throw error;
  }
}
