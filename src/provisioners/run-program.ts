import type { Machine, MachineCommand } from '../builders/machine.ts';
import type { Failure, Result } from '../diagnostics/failure.ts';
import { fail, ok, unreachable } from '../diagnostics/failure.ts';
import type { ExecOutcome, OutputChunk } from '../util/exec.ts';
import { LineSplitter } from '../util/line-splitter.ts';

/** Lines of output shown with an error. */
export const EXCERPT_LINES = 20;

/** Lines of output kept to find the cause in. */
const TAIL_LINES = 200;

/** What a program wrote and how it ended. */
export interface ProgramRun {
  readonly outcome: ExecOutcome;
  /** Last lines of both streams, in the order they came. */
  readonly lines: readonly string[];
  readonly stdout: string;
}

/** The last lines of a program's output. */
class Tail {
  readonly #lines: string[] = [];
  readonly #size: number;

  constructor(size = TAIL_LINES) {
    this.#size = size;
  }

  add(line: string): void {
    if (line.trim() === '') return;
    this.#lines.push(line);
    if (this.#lines.length > this.#size) this.#lines.shift();
  }

  get lines(): readonly string[] {
    return this.#lines;
  }
}

/** Runs a program in the machine and keeps its last lines. `onLine` sees every whole line. */
export async function runProgram(
  machine: Machine,
  command: MachineCommand,
  onLine?: (line: string, stream: OutputChunk['stream']) => void,
): Promise<ProgramRun> {
  const tail = new Tail();
  let stdout = '';
  const splitter = (stream: OutputChunk['stream']): LineSplitter =>
    new LineSplitter((line) => {
      tail.add(line);
      onLine?.(line, stream);
    });
  const splitters = { stdout: splitter('stdout'), stderr: splitter('stderr') };
  const outcome = await machine.exec(command, (chunk) => {
    if (chunk.stream === 'stdout') stdout += chunk.text;
    splitters[chunk.stream].push(chunk.text);
  });
  splitters.stdout.end();
  splitters.stderr.end();
  return { outcome, lines: tail.lines, stdout };
}

/** A sentence on how a program ended, for `what` such as `the script`. */
export function describeOutcome(what: string, outcome: ExecOutcome): string {
  switch (outcome.type) {
    case 'exited':
      return `${what} ended with exit code ${outcome.code}`;
    case 'signaled':
      return `${what} was ended by ${outcome.signal}`;
    case 'timed-out':
      return `${what} ran longer than ${outcome.afterMs / 1000} s`;
    default:
      return unreachable(outcome);
  }
}

/** The failure of a program: its end as the message, its last lines as the excerpt. */
export function programFailure(what: string, run: ProgramRun, more: Partial<Failure> = {}): Failure {
  const hint = hintOf(run);
  return {
    reason: run.outcome.type === 'timed-out' ? 'step-timeout' : 'step-failed',
    message: describeOutcome(what, run.outcome),
    ...(hint === undefined ? {} : { hint }),
    excerpt: run.lines.slice(-EXCERPT_LINES),
    ...more,
  };
}

function hintOf({ outcome, lines }: ProgramRun): string | undefined {
  if (lines.slice(-EXCERPT_LINES).some((line) => line.includes('No space left on device')))
    return 'A disk was full: in a virtual machine raise `disk_size` of the builder; else it is the one with the cache.';
  if (outcome.type === 'signaled' && outcome.signal === 'SIGKILL') {
    return 'The kernel kills programs when memory runs out: look at the log of the kernel.';
  }
  if (outcome.type === 'exited' && outcome.code === 127)
    return 'Code 127: the image does not have a program that was called.';
  if (outcome.type === 'exited' && outcome.code === 126)
    return 'Code 126: a program was found but cannot be executed.';
  return undefined;
}

/** Runs a program that must exit 0. @param what names it in messages, e.g. `useradd` */
export async function mustRun(
  machine: Machine,
  command: MachineCommand,
  what: string,
  more: Partial<Failure> = {},
): Promise<Result<string>> {
  const run = await runProgram(machine, command);
  if (run.outcome.type === 'exited' && run.outcome.code === 0) return ok(run.stdout);
  return fail(programFailure(what, run, more));
}

/** Runs a POSIX shell script with arguments; the script is constant text, values come as `$1` …. */
export const shellCommand = (script: string, ...values: readonly string[]): MachineCommand => ({
  argv: ['/bin/sh', '-ec', script, 'imgpipe', ...values],
});

/** A program by its name, found by the image's own PATH; exit code 127 says that the image does not have it. */
export const programCommand = (...argv: readonly string[]): MachineCommand =>
  shellCommand('exec "$@"', ...argv);

/** Whether a `programCommand` or a script ended because a program is missing. */
export const isMissingProgram = ({ outcome }: ProgramRun): boolean =>
  outcome.type === 'exited' && outcome.code === 127;
