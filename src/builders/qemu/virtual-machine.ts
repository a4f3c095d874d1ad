import { spawn, type ChildProcess } from 'node:child_process';
import { FailureError } from '../../diagnostics/failure.ts';
import { toolEnvironment } from '../../util/tool-environment.ts';
import { qemuCommand, type MachineSettings } from './qemu-command.ts';
import { SerialConsole } from './serial-console.ts';

export interface MachineContext {
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
  readonly ledger: (entry: {
    readonly type: 'process';
    readonly pid: number;
    readonly what: string;
  }) => Promise<void>;
}

/** What of a machine's settings its command line alone does not tell. */
export type MachineFiles = Pick<MachineSettings, 'name' | 'consoleFile' | 'forwards'>;

/** A running QEMU. Disposing it kills it at once: nothing in it is worth an orderly end. */
export class VirtualMachine implements AsyncDisposable {
  readonly console: SerialConsole;
  readonly forwards: ReadonlyMap<number, number>;
  readonly #child: ChildProcess;
  /** Settled when QEMU has ended. */
  readonly ended: Promise<void>;
  readonly #release: () => void;
  #errors = '';
  #monitor = '';
  #exit: string | undefined;

  private constructor(child: ChildProcess, settings: MachineFiles, signal: AbortSignal) {
    this.#child = child;
    this.forwards = settings.forwards;
    this.console = new SerialConsole(settings.consoleFile);
    child.stderr
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-4000)));
    child.stdout
      ?.setEncoding('utf8')
      .on('data', (text: string) => (this.#monitor = (this.#monitor + text).slice(-20_000)));
    child.stdin?.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => {
        this.#exit = error.message;
        resolve();
      });
      child.once('exit', (code, name) => {
        this.#exit = name ?? `exit code ${code}`;
        resolve();
      });
    });
    const kill = (): void => void child.kill('SIGKILL');
    signal.addEventListener('abort', kill, { once: true });
    this.#release = () => signal.removeEventListener('abort', kill);
  }

  /** @throws FailureError `tool-missing`, `aborted` */
  static async start(settings: MachineSettings, context: MachineContext): Promise<VirtualMachine> {
    return await VirtualMachine.run(qemuCommand(settings), settings, context);
  }

  /** Starts QEMU by a whole command line. @throws FailureError `aborted` */
  static async run(
    command: readonly [string, ...string[]],
    settings: MachineFiles,
    context: MachineContext,
  ): Promise<VirtualMachine> {
    if (context.signal.aborted) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
    const [program, ...args] = command;
    context.log([program, ...args].join(' '));
    const child = spawn(program, args, { env: toolEnvironment(), stdio: 'pipe', detached: true });
    const machine = new VirtualMachine(child, settings, context.signal);
    if (child.pid !== undefined)
      await context.ledger({ type: 'process', pid: child.pid, what: `QEMU (${settings.name})` });
    return machine;
  }

  /** How QEMU ended, once it has. */
  get exit(): string | undefined {
    return this.#exit;
  }

  /** Last lines QEMU itself wrote as errors. */
  get errors(): string[] {
    return this.#errors
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-5);
  }

  get lostPort(): boolean {
    return this.#errors.includes('Could not set up host forwarding rule');
  }

  /** Answer of QEMU's monitor to a command such as `info usernet`. */
  async monitor(command: string, timeoutMs = 2000): Promise<string> {
    const from = this.#monitor.length;
    this.#child.stdin?.write(`${command}\n`);
    const deadline = performance.now() + timeoutMs;
    while (performance.now() < deadline && this.#exit === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const answer = this.#monitor.slice(from);
      if (/\(qemu\) $/.test(answer) && answer.includes('\n')) return answer;
    }
    return '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release();
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
