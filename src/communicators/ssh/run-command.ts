import { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { ClientChannel } from 'ssh2';
import { FailureError } from '../../diagnostics/failure.ts';
import type { ExecOutcome, OutputChunk } from '../../util/exec.ts';
import type { SshConnection } from './ssh-connection.ts';

export interface SshCommand {
  /** Command line for the user's shell on the machine. */
  readonly command: string;
  /** Written to standard input, which is then closed; nothing: closed at once. */
  readonly stdin?: string | Buffer | Readable;
  /** With a terminal of 80 × 40: standard error comes with standard output, lines end in `\r\n`. */
  readonly pty?: boolean;
  readonly timeoutMs?: number;
  /**
   * Ends the command: SIGTERM, after 1 s SIGKILL, after 2 s its channel. OpenSSH delivers no signals to commands of root;
   * those go on until they write to the closed channel, or at once when they have a terminal.
   */
  readonly signal: AbortSignal;
  /** May return a promise: no more output is read until it is settled. */
  readonly onOutput: (chunk: OutputChunk) => void | Promise<void>;
}

/** `disconnected`: the connection, or the command's channel, ended without saying how the command did. */
export type SshRunOutcome = ExecOutcome | { readonly type: 'disconnected' };

const GRACE_MS = 1000;

/**
 * Runs a command line to its end and passes on what it prints. An aborted command still resolves, with the signal that
 * ended it or was to end it.
 * @throws FailureError `communicator-failed` when it cannot be started
 */
export async function runCommand(connection: SshConnection, command: SshCommand): Promise<SshRunOutcome> {
  if (command.signal.aborted) return { type: 'signaled', signal: 'SIGTERM' };
  const use = (
    channel: ClientChannel,
  ): { readonly outcome: Promise<SshRunOutcome>; drained: Promise<unknown> } => {
    const outcome = followChannel(channel, command, connection);
    const { stdin } = command;
    // A program that ends before it has read everything may do so.
    channel.on('error', () => undefined);
    if (stdin instanceof Readable) stdin.once('error', () => channel.close()).pipe(channel);
    else channel.end(stdin);
    const outputs = [
      forward(channel, 'stdout', command.onOutput),
      forward(channel.stderr, 'stderr', command.onOutput),
    ];
    return { outcome, drained: Promise.all(outputs.map((taken) => outcome.then(taken))) };
  };
  const { outcome, drained } = await connection.open(command.command, use, {
    pty: command.pty === true,
    signal: command.signal,
  });
  await drained;
  return await outcome;
}

function followChannel(
  channel: ClientChannel,
  { timeoutMs, signal }: SshCommand,
  connection: SshConnection,
): Promise<SshRunOutcome> {
  return new Promise((resolve) => {
    let ending: ExecOutcome | undefined;
    let stopped: ExecOutcome | undefined;
    const timers: NodeJS.Timeout[] = [];
    const finish = (): void => {
      timers.forEach(clearTimeout);
      signal.removeEventListener('abort', abort);
      resolve(stopped?.type === 'timed-out' ? stopped : (ending ?? stopped ?? { type: 'disconnected' }));
    };
    const stop = (how: ExecOutcome): void => {
      stopped ??= how;
      if (!connection.isOpen) return;
      connection.signal(channel, 'TERM');
      timers.push(
        setTimeout(() => connection.signal(channel, 'KILL'), GRACE_MS),
        // Servers that do not deliver signals hang up the command when its channel goes.
        setTimeout(() => {
          channel.close();
          finish();
        }, 2 * GRACE_MS),
      );
    };
    const abort = (): void => stop({ type: 'signaled', signal: 'SIGTERM' });
    channel.on('exit', (code: number | null, name?: string) => {
      ending = code === null ? { type: 'signaled', signal: name ?? 'SIGKILL' } : { type: 'exited', code };
    });
    channel.once('close', finish);
    void connection.closed.then(finish);
    signal.addEventListener('abort', abort, { once: true });
    if (timeoutMs !== undefined)
      timers.push(setTimeout(() => stop({ type: 'timed-out', afterMs: timeoutMs }), timeoutMs));
    if (signal.aborted) abort();
  });
}

/** Passes output on. @returns what waits until the last piece is taken */
function forward(
  source: Readable,
  stream: OutputChunk['stream'],
  onOutput: SshCommand['onOutput'],
): () => Promise<void> {
  let last: void | Promise<void> = undefined;
  const decoder = new StringDecoder('utf8');
  const pass = (text: string) => (text === '' ? undefined : onOutput({ stream, text }));
  source.on('data', (bytes: Buffer) => {
    const settled = pass(decoder.write(bytes));
    if (settled === undefined) return;
    last = settled;
    source.pause();
    void settled.finally(() => source.resume());
  });
  source.on('end', () => {
    last = pass(decoder.end()) ?? last;
  });
  return async () => await last;
}

export interface SshOutput {
  readonly code: number | undefined;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command and gives all it printed.
 * @throws FailureError `communicator-failed` when the connection breaks or the time is over
 */
export async function collect(
  connection: SshConnection,
  command: Omit<SshCommand, 'onOutput'>,
): Promise<SshOutput> {
  const output = { stdout: '', stderr: '' };
  const outcome = await runCommand(connection, {
    ...command,
    onOutput: ({ stream, text }) => void (output[stream] += text),
  });
  switch (outcome.type) {
    case 'exited':
      return { code: outcome.code, ...output };
    case 'signaled':
      if (command.signal.aborted)
        throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
      return { code: undefined, signal: outcome.signal, ...output };
    case 'timed-out': {
      const message = `SSH: no answer within ${outcome.afterMs / 1000} s to: ${command.command}`;
      throw new FailureError({ reason: 'communicator-failed', message });
    }
    case 'disconnected':
      throw connection.broken(command.command);
  }
}
