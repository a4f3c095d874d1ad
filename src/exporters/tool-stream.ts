import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { removeQuietly } from '../util/remove-quietly.ts';
import { runTool, type ToolContext, type ToolRun } from './run-tool.ts';

export interface ToolStream extends Omit<ToolRun, 'argv' | 'onStdout'> {
  /** A folder of the caller's; a named pipe lies in it for so long. */
  readonly folder: string;
  /** The command, which writes to the pipe of this path. */
  readonly argv: (pipe: string) => readonly [string, ...string[]];
}

/**
 * Runs a host program in the workspace and hands on the bytes that it writes to a pipe, without a file between them.
 * When `read` ends early, by an error, the program ends too.
 * @throws FailureError as `runTool`; what `read` throws
 */
export async function streamTool<T>(
  context: ToolContext,
  { folder, argv, ...run }: ToolStream,
  read: (bytes: AsyncIterable<Buffer>) => Promise<T>,
): Promise<T> {
  const path = join(folder, 'stream');
  await runTool(context, { ...run, argv: ['mkfifo', '-m', '600', path] });
  const given = new AbortController();
  const bytes = new Socket({
    fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
    readable: true,
    writable: false,
  });
  try {
    // Until this end is closed the stream does not end, also when the program ends before it has opened its own.
    const input = openSync(path, constants.O_WRONLY);
    const tool = runTool(
      { ...context, signal: AbortSignal.any([context.signal, given.signal]) },
      { ...run, argv: argv(path) },
    ).finally(() => closeSync(input));
    const reading = read(bytes).catch((error: unknown) => {
      given.abort();
      throw error;
    });
    const [written, value] = await Promise.allSettled([tool, reading]);
    // What stopped the reader is why the tool was stopped.
    if (value.status === 'rejected' && given.signal.aborted && !context.signal.aborted) throw value.reason;
    if (written.status === 'rejected') throw written.reason;
    if (value.status === 'rejected') throw value.reason;
    return value.value;
  } finally {
    bytes.destroy();
    removeQuietly(path);
  }
}
