import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { findFreePorts } from '../../util/free-port.ts';
import type { DriverContext } from '../machine-builder.ts';
import { buildCommand, type BuildMachine } from './build-command.ts';
import { QmpClient } from './qmp-client.ts';
import { programMissing } from './host-program.ts';
import { VirtualMachine } from './virtual-machine.ts';

/** What a build's machine is started from; the rest is chosen when it starts. */
export type MachinePlan = Omit<
  BuildMachine,
  'forwards' | 'consoleFile' | 'qmpSocket' | 'vnc' | 'overrides'
> & {
  /** Ports of the machine that are to be reached. */
  readonly ports: readonly number[];
  /** The user's `qemuargs`, filled in once it is known which port leads to SSH. */
  readonly fillOverrides: (sshHostPort: number | undefined) => readonly (readonly string[])[];
};

const PORT_TRIES = 5;
/** How long QEMU takes at most to find an option wrong or a port taken. */
const SETTLE_MS = 20_000;
const CONSOLE_MS = 200;

/** A short folder of a machine's sockets (their paths have 107 bytes at most), in the ledger before it is made. */
export async function socketFolder(
  context: DriverContext,
): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = join(tmpdir(), `imgpipe-vm-${randomBytes(6).toString('hex')}`);
  const strike = context.ledger({ type: 'path', path, what: 'sockets of a virtual machine' });
  await mkdir(path, { mode: 0o700 });
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true });
    strike();
  };
  return { path, remove };
}

/** QEMU as it runs for a build: its process, its control connection and its console. */
export class RunningMachine implements AsyncDisposable {
  readonly vm: VirtualMachine;
  readonly qmp: QmpClient;
  readonly folder: string;
  /** How often it has restarted. */
  restarts = 0;
  /** Called at once when it restarts. */
  onRestart: (() => void) | undefined;
  readonly #context: DriverContext;
  readonly #release: () => Promise<void>;
  readonly #pump: Promise<void>;
  #isWatched = true;
  #ended = false;

  private constructor(
    vm: VirtualMachine,
    qmp: QmpClient,
    folder: string,
    context: DriverContext,
    release: () => Promise<void>,
  ) {
    this.vm = vm;
    this.qmp = qmp;
    this.folder = folder;
    this.#context = context;
    this.#release = release;
    qmp.onEvent(({ name, data }) => {
      if (name !== 'RESET' || data['guest'] !== true) return;
      this.restarts += 1;
      this.onRestart?.();
    });
    this.#pump = this.#readConsole();
  }

  /**
   * Starts QEMU, with other ports when another process took one in between.
   * @param folder of its sockets
   * @throws FailureError `tool-missing`, `step-failed` with what QEMU says, `aborted`
   */
  static async start(plan: MachinePlan, folder: string, context: DriverContext): Promise<RunningMachine> {
    const strikes: (() => void)[] = [];
    const { qmp_socket_path: given } = plan.options;
    const path = given === undefined ? undefined : resolve(given);
    if (path !== undefined)
      strikes.push(context.ledger({ type: 'path', path, what: 'QMP socket for other programs' }));
    const release = async (): Promise<void> => {
      // QEMU leaves it when it is killed.
      if (path !== undefined) await rm(path, { force: true });
      strikes.forEach((strike) => strike());
    };
    try {
      for (let attempt = 1; ; attempt += 1) {
        const started = await tryStart(plan, folder, context, strikes);
        if (started.type === 'running')
          return new RunningMachine(started.vm, started.qmp, folder, context, release);
        if (!started.vm.lostPort || attempt === PORT_TRIES) throw whyNot(started.vm, plan);
        await rm(join(folder, 'qmp'), { force: true });
      }
    } catch (error) {
      await release();
      throw error;
    }
  }

  get console(): VirtualMachine['console'] {
    return this.vm.console;
  }

  /** Port of 127.0.0.1 that leads to a port of the machine. */
  portTo(inside: number): number | undefined {
    return this.vm.forwards.get(inside);
  }

  /** Shows the console in the log of whatever runs, or no more. */
  set isWatched(watched: boolean) {
    this.#isWatched = watched;
  }

  /** Waits until QEMU ends by itself. @returns whether it did in time */
  async hasEnded(timeoutMs: number): Promise<boolean> {
    const waiting = new AbortController();
    const timeout = sleep(timeoutMs, undefined, { signal: waiting.signal }).catch(() => undefined);
    await Promise.race([this.vm.ended, timeout]);
    waiting.abort();
    return this.vm.exit !== undefined;
  }

  /** A PNG of the screen. @returns whether there is one */
  async screenshot(file: string): Promise<boolean> {
    try {
      await this.qmp.execute('screendump', z.unknown(), { filename: file, format: 'png' });
      return true;
    } catch {
      return false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.qmp[Symbol.asyncDispose]();
    await this.vm[Symbol.asyncDispose]();
    await this.#pump;
    await this.#release();
  }

  async #readConsole(): Promise<void> {
    let stage: string | undefined;
    while (!this.#ended) {
      const text = await this.console.read();
      if (this.#isWatched && text !== '') {
        this.#context.output({ stream: 'stdout', text });
        const now = this.console.stage;
        if (now !== undefined && now !== stage) this.#context.status(`boots: ${now}`);
        stage = now;
      }
      await sleep(CONSOLE_MS);
    }
  }
}

type Started =
  | { readonly type: 'running'; readonly vm: VirtualMachine; readonly qmp: QmpClient }
  | { readonly type: 'ended'; readonly vm: VirtualMachine };

async function tryStart(
  plan: MachinePlan,
  folder: string,
  context: DriverContext,
  strikes: (() => void)[],
): Promise<Started> {
  const { options } = plan;
  const ports = await choosePorts(plan);
  const forwards = new Map(plan.ports.map((port, index) => [port, ports[index] ?? 0]));
  const machine: BuildMachine = {
    ...plan,
    forwards,
    consoleFile: join(folder, 'console'),
    qmpSocket: join(folder, 'qmp'),
    overrides: plan.fillOverrides(ports[0]),
    ...(options.disable_vnc ? {} : { vnc: await vncAddress(plan, folder) }),
  };
  const vm = await VirtualMachine.run(
    buildCommand(machine),
    { name: options.name, consoleFile: machine.consoleFile, forwards },
    {
      signal: context.signal,
      log: context.log,
      ledger: (entry) => {
        strikes.push(context.ledger(entry));
        return Promise.resolve();
      },
    },
  );
  const deadline = performance.now() + SETTLE_MS;
  for (;;) {
    if (vm.exit !== undefined || performance.now() > deadline) {
      await vm[Symbol.asyncDispose]();
      return { type: 'ended', vm };
    }
    const qmp = await QmpClient.connect(machine.qmpSocket).catch(() => undefined);
    if (qmp !== undefined) return { type: 'running', vm, qmp };
    await sleep(30);
  }
}

async function choosePorts({ ports, options }: MachinePlan): Promise<number[]> {
  const { host_port_min: min, host_port_max: max } = options;
  if (min === undefined && max === undefined) return await findFreePorts(ports.length);
  const [low, high] = [min ?? 1024, max ?? 65_535];
  const range = Array.from({ length: high - low + 1 }, (_, index) => low + index);
  // Not the lowest every time: builds that start together would all want it.
  const first = Math.floor(Math.random() * range.length);
  return [...range.slice(first), ...range.slice(0, first)].slice(0, ports.length);
}

/** A socket that only this build reaches, or a port when one was asked for. */
async function vncAddress({ options }: MachinePlan, folder: string): Promise<string> {
  const { vnc_port_min: min, vnc_port_max: max } = options;
  const password = options.vnc_use_password ? ',password=on' : '';
  if (min === undefined && max === undefined) return `unix:${join(folder, 'vnc')}${password}`;
  const low = min ?? 5900;
  // QEMU itself goes on to the next display up to the highest.
  return `${options.vnc_bind_address}:${low - 5900},to=${(max ?? 6000) - 5900}${password}`;
}

function whyNot(vm: VirtualMachine, plan: MachinePlan): FailureError {
  const program = plan.options.qemu_binary ?? plan.target.program;
  const said = vm.errors;
  if (said.some((line) => /failed to execute .*No such file/.test(line))) return programMissing(program);
  if (vm.lostPort) {
    return new FailureError({
      reason: 'step-failed',
      message: 'no port of 127.0.0.1 is free for the machine',
      hint: 'widen `host_port_min` and `host_port_max`',
      excerpt: said,
    });
  }
  // What follows the error tells how to find what would be right.
  const use = said.map((line) => /^Use (-\w+) help/.exec(line)?.[1]).find((name) => name !== undefined);
  const cause = said.findLast((line) => !line.startsWith('Use -'))?.replace(`${program}: `, '');
  return new FailureError({
    reason: 'step-failed',
    message: `QEMU does not start: ${cause ?? vm.exit ?? 'it does not answer'}`,
    hint:
      use === undefined
        ? 'The log of this step has its whole command line; most of it comes from options of the builder.'
        : `\`${program} ${use} help\` lists what it has; see \`${use === '-machine' ? 'machine_type' : 'qemuargs'}\`.`,
    excerpt: said,
  });
}
