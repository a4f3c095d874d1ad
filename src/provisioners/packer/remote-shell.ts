import type { DrivenMachine } from '../../builders/machine-builder.ts';
import type { Machine } from '../../builders/machine.ts';
import type {
  CarriedScript,
  CommandOutcome,
  Communicator,
  UploadSource,
} from '../../communicators/communicator.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import { fillLateValues } from '../../model/late-value.ts';
import { shellExitCode } from '../../util/exec.ts';
import type { StepRunContext } from '../provisioner.ts';
import type { BuildFields } from './build-fields.ts';
import { type Clock, retryFor } from './clock.ts';
import { goDuration } from '../../template/packer-kinds/go-duration.ts';
import { durationMs } from './durations.ts';
import { factOf, renderText } from './render.ts';

/** The exit code that stands for a connection that broke while the command ran, as users of Packer know it. */
export const DISCONNECTED = 2_300_218;

export interface RemoteResult {
  readonly code: number;
  readonly stdout: string;
}

/** A machine as scripts are brought into it: command lines and files through its communicator, told to the user. */
export class RemoteShell<Options extends BuildFields> {
  readonly options: Options;
  readonly facts: Readonly<Record<string, string>>;
  readonly communicator: Communicator;
  readonly context: StepRunContext;
  readonly clock: Clock;

  private constructor(options: Options, machine: DrivenMachine, context: StepRunContext, clock: Clock) {
    this.options = options;
    this.facts = machine.facts;
    this.communicator = machine.communicator;
    this.context = context;
    this.clock = clock;
  }

  /** Opens the machine and puts facts and secrets into the options. @throws FailureError when it has no communicator */
  static async open<Options extends BuildFields>(
    options: Options,
    machine: Machine,
    context: StepRunContext,
    clock: Clock,
  ): Promise<RemoteShell<Options>> {
    const driven = drivenMachine(machine);
    const filled = await fillLateValues(options, (sort, name) =>
      sort === 'secret' ? context.secret(name) : factOf(driven.facts, name),
    );
    return new RemoteShell(filled, driven, context, clock);
  }

  /** Runs a command line. `quiet`: what it prints is thrown away. */
  async run(command: string, how: { readonly quiet?: boolean } = {}): Promise<RemoteResult> {
    let stdout = '';
    const outcome = await this.communicator.run({
      command,
      onOutput: (chunk) => {
        if (chunk.stream === 'stdout') stdout += chunk.text;
        if (how.quiet !== true) this.context.output(chunk);
      },
    });
    this.context.signal.throwIfAborted();
    return { code: exitCode(outcome), stdout };
  }

  /** Brings a script in and runs a command line with it. `removed`: it is gone again. */
  async runScript(
    script: CarriedScript,
    command: string,
  ): Promise<RemoteResult & { readonly removed: boolean }> {
    const line = { command, onOutput: this.context.output };
    const done = await this.communicator.runScript?.(script, line);
    this.context.signal.throwIfAborted();
    if (done !== undefined) return { code: exitCode(done.outcome), stdout: '', removed: done.removed };
    const { content, path, mode } = script;
    await this.uploadWithMode(content, path, mode);
    return { ...(await this.run(command)), removed: false };
  }

  /** By chmod(1) in the machine, as Packer does, unless the upload alone is enough: every command costs time. */
  async uploadWithMode(content: Buffer, path: string, mode: number): Promise<void> {
    if (this.communicator.keepsModes === true) return await this.upload({ content }, path, mode);
    await this.upload({ content }, path);
    await this.run(`chmod 0${mode.toString(8)} ${path}`, { quiet: true });
  }

  async upload(source: UploadSource, target: string, mode?: number): Promise<void> {
    await this.communicator.uploadFile(source, target, mode === undefined ? {} : { mode });
  }

  /** Tries again what fails because the machine cannot be reached or refuses a file. */
  async retry<T>(timeoutMs: number, body: () => Promise<T>, delayMs?: number): Promise<T> {
    return await retryFor(timeoutMs, this.context.signal, this.clock, body, delayMs);
  }

  render(text: string, data: Readonly<Record<string, string | number>> = {}): string {
    const context = { build: this.options, facts: this.facts, directory: this.context.resolvePath('.') };
    return renderText(text, context, data);
  }

  /** Waits because the user wants a pause after the step. */
  async pause(duration: string | undefined): Promise<void> {
    const milliseconds = durationMs(duration, 0);
    if (milliseconds === 0) return;
    this.context.log(`Pausing ${goDuration(milliseconds)} after this provisioner...`);
    await this.clock.wait(milliseconds, this.context.signal);
  }
}

/** The machine with its communicator. @throws FailureError `step-failed` for machines that have none */
function drivenMachine(machine: Machine): DrivenMachine {
  if ('communicator' in machine) return machine as DrivenMachine;
  throw new FailureError({
    reason: 'step-failed',
    message:
      'this step brings its files and commands into a running machine, which this builder does not have',
    hint: 'Choose a builder with machines of its own, such as qemu or docker, or use the step kind without `packer-`.',
  });
}

function exitCode(outcome: CommandOutcome): number {
  return outcome.type === 'disconnected' ? DISCONNECTED : shellExitCode(outcome);
}
