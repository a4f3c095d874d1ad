import type { VirtualMachine } from '../builders/qemu/virtual-machine.ts';
import { capture, FailureError, type Failure } from '../diagnostics/failure.ts';
import { innerAssertions, outerAssertions, type Assertion } from './boot/assertions.ts';
import { bootOptions, needsSsh, type BootOptions } from './boot/options.ts';
import { startMachine } from './boot/start-machine.ts';
import { defineCheck, type CheckContext } from './check.ts';

const POLL_MS = 200;
const RETRY_MS = 1000;
const EXCERPT_LINES = 20;
const KEY_COMMENT = 'imgpipe-boot-check';

export const bootCheck = defineCheck({
  type: 'boot',
  summary: 'Starts the image in QEMU and looks whether it comes up and does what it should.',
  description: `The image itself is not written to. It starts on a throw-away overlay, with KVM where that works, else emulated.
Its only network is QEMU's: it can reach out, and the ports named here are reached through free ports of 127.0.0.1.

\`units\` and \`commands\` log in over SSH. For that the check boots a throw-away copy in which, besides what the first boot
changes anyway, one file differs: a key made for this run is added to the \`authorized_keys\` of \`user\`. The image
needs an SSH server that lets that user in by key.`,
  schema: bootOptions,
  keyVersion: 1,
  tools: ['qemu-system-x86_64', 'qemu-img', 'setpriv'],
  examples: {
    good: [
      { title: 'Comes up to the login prompt', options: {} },
      {
        title: 'A web server',
        options: {
          ports: [22],
          http: [{ port: 80, path: '/', contains: 'Welcome' }],
          units: ['nginx.service'],
        },
      },
      {
        title: 'By UEFI, with a command',
        options: { firmware: 'uefi', commands: [{ run: 'id -u', contains: '0' }] },
      },
    ],
    bad: [
      { title: 'No such port', options: { ports: [70000] }, error: 'ports' },
      { title: 'Path without slash', options: { http: [{ path: 'index.html' }] }, error: 'path' },
    ],
  },
  run: (options, context) =>
    capture(async () => {
      const deadline = performance.now() + options.timeout;
      const key = needsSsh(options) ? await makeKey() : undefined;
      await using machine = await startMachine(options, key?.publicKey, context);
      await waitUntilUp(machine, options, deadline, context);
      const latest = Math.min(deadline, performance.now() + options.grace);
      const failures = await hold(outerAssertions(options), machine, latest, context);
      if (key !== undefined)
        failures.push(...(await holdInside(machine, options, key.privateKey, latest, context)));
      context.signal.throwIfAborted();
      if (failures.length > 0) throw new FailureError(...failures);
    }).catch((error: unknown) => {
      if (context.signal.aborted) {
        return { ok: false, failures: [{ reason: 'aborted', message: 'the run was stopped' }] } as const;
      }
      throw error;
    }),
});

async function makeKey(): Promise<{ readonly privateKey: string; readonly publicKey: string }> {
  const { makeSshKey } = await import('../communicators/ssh/ssh-key.ts');
  return await makeSshKey(KEY_COMMENT);
}

/** Follows the console until the machine is up, and tells each stage. @throws FailureError `check-failed` */
async function waitUntilUp(
  machine: VirtualMachine,
  options: BootOptions,
  deadline: number,
  context: CheckContext,
): Promise<void> {
  let shown: string | undefined;
  let partial = '';
  for (;;) {
    context.signal.throwIfAborted();
    const lines = (partial + (await machine.console.read())).split('\n');
    partial = lines.pop() ?? '';
    for (const line of lines) context.log(line);
    const { stage, deadEnd } = machine.console;
    if (stage !== undefined && stage !== shown) context.status(stage);
    shown = stage;
    if (machine.console.text.includes(options.ready)) return;
    if (deadEnd !== undefined)
      throw new FailureError(bootFailure(machine, `the image does not boot: ${deadEnd}`));
    if (machine.exit !== undefined) {
      const said = machine.errors.join('; ');
      throw new FailureError(
        bootFailure(machine, `QEMU ended (${machine.exit})${said === '' ? '' : `: ${said}`}`),
      );
    }
    if (performance.now() > deadline) {
      const waited = `${JSON.stringify(options.ready)} did not appear on the console within ${options.timeout / 1000} s`;
      const hint =
        'raise `timeout`, or set `ready` to a text that this image prints; the serial console must be on';
      throw new FailureError({ ...bootFailure(machine, `${waited} (stage: ${stage ?? 'none'})`), hint });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function holdInside(
  machine: VirtualMachine,
  options: BootOptions,
  privateKey: string,
  deadline: number,
  context: CheckContext,
): Promise<Failure[]> {
  const { connectSsh } = await import('../communicators/ssh/ssh-session.ts');
  context.status('SSH');
  try {
    await using session = await connectSsh(
      { host: '127.0.0.1', port: machine.forwards.get(22) ?? 0, user: options.user, privateKey },
      { signal: context.signal, deadline },
    );
    return await hold(innerAssertions(options, session), machine, deadline, context);
  } catch (error) {
    if (!(error instanceof FailureError)) throw error;
    return error.failures.map((failure) => bootFailure(machine, failure.message));
  }
}

/** Tries each assertion until it holds; what does not hold at the deadline fails, all of them in one go. */
async function hold(
  assertions: readonly Assertion[],
  machine: VirtualMachine,
  deadline: number,
  context: CheckContext,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const assertion of assertions) {
    context.status(assertion.name);
    let found = await assertion.check(machine);
    while (found !== undefined && !isOver(machine, deadline, context)) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      found = await assertion.check(machine);
    }
    context.log(
      `${found === undefined ? 'ok' : 'FAILED'}: ${assertion.name}${found === undefined ? '' : `: ${found}`}`,
    );
    if (found !== undefined) failures.push(bootFailure(machine, `${assertion.name}: no, ${found}`));
  }
  return failures;
}

function isOver(machine: VirtualMachine, deadline: number, context: CheckContext): boolean {
  return context.signal.aborted || machine.exit !== undefined || performance.now() + RETRY_MS > deadline;
}

function bootFailure(machine: VirtualMachine, message: string): Failure {
  return { reason: 'check-failed', message, excerpt: machine.console.lastLines(EXCERPT_LINES) };
}
