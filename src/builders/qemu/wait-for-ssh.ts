import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SshCommunicator } from '../../communicators/ssh/ssh-communicator.ts';
import { communicatorFromOptions, targetFromOptions } from '../../communicators/ssh/target-from-options.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { DriverContext } from '../machine-builder.ts';
import { pauseBeforeConnecting } from '../pause-before-connecting.ts';
import { awaitBanner } from './await-banner.ts';
import type { Login } from './login.ts';
import type { QemuOptions } from './options.ts';
import type { RunningMachine } from './running-machine.ts';

/** Lines of the console that are shown with a failure. */
const CONSOLE_LINES = 25;
const WATCH_MS = 500;
/** Where a machine is that says nothing else: in QEMU's own network, behind a port of this host. */
const LOCAL = '127.0.0.1';

/**
 * Logs in to a machine that starts. It ends early when the machine ends or its boot clearly fails; what was on its
 * console and screen is told then.
 * @throws FailureError `communicator-failed`, `aborted`
 */
export async function waitForSsh(
  running: RunningMachine,
  login: Login,
  options: QemuOptions,
  context: DriverContext,
): Promise<SshCommunicator> {
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  context.signal.addEventListener('abort', stop, { once: true });
  let problem: string | undefined;
  const connected = new AbortController();
  void watch(running, AbortSignal.any([waiting.signal, connected.signal])).then((why) => {
    if (connected.signal.aborted) return;
    problem = why;
    if (why !== undefined) waiting.abort();
  });
  let last = '';
  try {
    const port = running.portTo(options.ssh_port);
    const { timeoutMs } = communicatorFromOptions(options);
    const deadline = performance.now() + timeoutMs;
    const socket = port === undefined ? undefined : await awaitBanner(port, deadline, waiting.signal);
    if (port !== undefined && socket === undefined)
      throw new Error(`no SSH connection: nothing answers at the machine's port ${options.ssh_port}`);
    const target = await targetFromOptions(
      { ...options, ssh_username: login.user, ssh_host: options.ssh_host ?? LOCAL },
      {
        resolvePath: context.resolvePath,
        prompt: context.ask,
        ...(port !== undefined && { address: { host: LOCAL, port } }),
        ...(login.key !== undefined && { temporaryKey: login.key }),
        ...(process.env['SSH_AUTH_SOCK'] !== undefined && { agent: process.env['SSH_AUTH_SOCK'] }),
      },
    );
    const communicator = await SshCommunicator.connect(target, {
      ...communicatorFromOptions(options),
      ...(socket !== undefined && { socket }),
      signal: waiting.signal,
      onRetry: (reason) => {
        if (reason !== last) context.log(`SSH: ${reason}`);
        last = reason;
      },
      onHostKeyChange: (now, before) =>
        context.log(`SSH: another system answers now: its host key is ${now}, before it was ${before}`),
    });
    await pauseBeforeConnecting(communicator, options, context);
    return communicator;
  } catch (error) {
    if (context.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const why = problem ?? (error instanceof Error ? error.message : String(error));
    throw await notReached(running, why, context);
  } finally {
    // From here on the run alone stops it.
    connected.abort();
  }
}

/** Why waiting on is no use, once that is so. */
async function watch(running: RunningMachine, signal: AbortSignal): Promise<string | undefined> {
  while (!signal.aborted) {
    if (running.vm.exit !== undefined) return 'the machine switched itself off';
    const { deadEnd } = running.console;
    if (deadEnd !== undefined) return deadEnd;
    await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined);
  }
  return undefined;
}

/** What can be done about it, as far as the reason tells. */
function mendsFor(why: string): string[] {
  if (/the firmware found no/.test(why))
    return [
      'Is this the disk or medium of a system that boots? `firmware: bios` and `firmware: uefi` choose how.',
    ];
  if (/nothing answers at the machine/.test(why))
    return [
      'Raise `ssh_timeout` if it only takes longer; else see that the system starts an SSH server and gets its address by DHCP.',
    ];
  if (/the server refused|no way to log in/.test(why))
    return ['See `ssh_username`, `ssh_password`, `ssh_private_key_file` and `login`.'];
  return [];
}

/** A failure with all that can be known of a machine that does not let anybody in. */
export async function notReached(
  running: RunningMachine,
  why: string,
  context: DriverContext,
): Promise<FailureError> {
  await running.console.read();
  const folder = await context.cacheFolder('qemu-screens');
  const picture = join(folder, `${context.pipeline.id.replaceAll(/[^\w.-]+/g, '-')}.png`);
  const hasPicture = running.vm.exit === undefined && (await running.screenshot(picture));
  const stage = running.console.stage;
  const excerpt = running.console.lastLines(CONSOLE_LINES);
  return new FailureError({
    reason: 'communicator-failed',
    message: `the machine cannot be reached: ${why}${stage === undefined ? '' : ` (its boot got as far as: ${stage})`}`,
    hint: [
      ...mendsFor(why),
      excerpt.length === 0 ? 'Its serial console shows nothing.' : 'Above: the end of its serial console.',
      ...(hasPicture ? [`Its screen: ${picture}`] : []),
    ].join(' '),
    excerpt,
  });
}
