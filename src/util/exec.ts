import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Duplex } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/** How one program ended. */
export type ExecOutcome =
  | { readonly type: 'exited'; readonly code: number }
  | { readonly type: 'signaled'; readonly signal: string }
  | { readonly type: 'timed-out'; readonly afterMs: number };

export interface OutputChunk {
  readonly stream: 'stdout' | 'stderr';
  /** Whole or part of lines, as they came; decoded as UTF-8. */
  readonly text: string;
}

/** A text, or bytes that are none. */
export type ProgramInput = string | { readonly base64: string };

/** A program to run on the host. */
export interface HostCommand {
  readonly argv: readonly string[];
  /** The whole environment; nothing is inherited. Secret values may be here, never in `argv`. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to standard input, which is then closed. */
  readonly stdin?: string;
  /** What the program reads from file descriptors 3, 4 … to their end. */
  readonly inputs?: readonly ProgramInput[];
  readonly timeoutMs?: number;
  /** Ends the program and all its children: SIGTERM, after 1 s SIGKILL. */
  readonly signal: AbortSignal;
  /** May return a promise: no more output is read until it is settled. */
  readonly onOutput: (chunk: OutputChunk) => void | Promise<void>;
}

/** Time between SIGTERM and SIGKILL. */
const GRACE_MS = 1000;

/** Thrown when a program cannot be started at all; `code` is the system's, e.g. `ENOENT`. */
export class SpawnError extends Error {
  readonly code: string;
  readonly program: string;
  constructor(program: string, cause: NodeJS.ErrnoException) {
    super(`cannot start ${program}: ${cause.message}`, { cause });
    this.name = 'SpawnError';
    this.program = program;
    this.code = cause.code ?? 'UNKNOWN';
  }
}

/**
 * Runs a program to its end and passes on what it prints. The program leads a process group of its own, away from
 * the terminal; the whole group ends on abort and after `timeoutMs`.
 *
 * An aborted command still resolves, with the signal that ended it: callers look at `command.signal`.
 * @throws SpawnError when the program does not exist or cannot be executed
 */
export async function runHostCommand(command: HostCommand): Promise<ExecOutcome> {
  const [program = '', ...args] = command.argv;
  if (command.signal.aborted) return { type: 'signaled', signal: 'SIGTERM' };
  const child = spawn(program, args, {
    cwd: command.cwd,
    env: { ...command.env },
    detached: true,
    stdio: [
      command.stdin === undefined ? 'ignore' : 'pipe',
      'pipe',
      'pipe',
      ...(command.inputs ?? []).map(() => 'pipe' as const),
    ],
  });
  const ended = new Promise<ExecOutcome>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(new SpawnError(program, error)));
    child.once('close', (code, signal) => {
      resolve(signal === null ? { type: 'exited', code: code ?? 0 } : { type: 'signaled', signal });
    });
  });
  feed(child.stdin, command.stdin);
  for (const [index, input] of (command.inputs ?? []).entries())
    feed(
      child.stdio[index + 3] as Duplex,
      typeof input === 'string' ? input : Buffer.from(input.base64, 'base64'),
    );
  for (const stream of ['stdout', 'stderr'] as const) forward(child[stream], stream, command.onOutput);

  let timedOut = false;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    killTimer ??= setTimeout(() => killGroup(child.pid, 'SIGKILL'), GRACE_MS);
    killGroup(child.pid, 'SIGTERM');
  };
  const timer =
    command.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          stop();
        }, command.timeoutMs);
  command.signal.addEventListener('abort', stop);
  let drainTimer: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    // What the program left running must not hold the output pipes open: end its group, wait no longer for others.
    killGroup(child.pid, 'SIGKILL');
    drainTimer = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, GRACE_MS);
  });
  try {
    const outcome = await ended;
    return timedOut ? { type: 'timed-out', afterMs: command.timeoutMs ?? 0 } : outcome;
  } finally {
    command.signal.removeEventListener('abort', stop);
    clearTimeout(timer);
    clearTimeout(killTimer);
    clearTimeout(drainTimer);
  }
}

/** The exit code as a shell gives it: 128 + signal number for a signal, 124 for a timeout. */
export function shellExitCode(outcome: ExecOutcome): number {
  switch (outcome.type) {
    case 'exited':
      return outcome.code;
    case 'signaled':
      return 128 + (constants.signals[outcome.signal as NodeJS.Signals] ?? 0);
    case 'timed-out':
      return 124;
  }
}

function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // ESRCH: the group is gone already.
  }
}

function feed(stream: NodeJS.WritableStream | null, text: string | Buffer | undefined): void {
  if (stream === null || text === undefined) return;
  // EPIPE: the program ended without reading all of it, which is its good right.
  stream.on('error', () => undefined);
  stream.end(text);
}

function forward(
  source: NodeJS.ReadableStream | null,
  stream: OutputChunk['stream'],
  onOutput: HostCommand['onOutput'],
): void {
  const decoder = new StringDecoder('utf8');
  const pass = (text: string) => (text === '' ? undefined : onOutput({ stream, text }));
  source?.on('data', (bytes: Buffer) => {
    const settled = pass(decoder.write(bytes));
    if (settled === undefined) return;
    source.pause();
    void settled.finally(() => source.resume());
  });
  source?.on('end', () => void pass(decoder.end()));
}
