import { VERSION, type CliContext } from './context.ts';
import { runCli } from './run-cli.ts';

/** A second signal within this many milliseconds of the first is the same key press (a process group, a wrapper). */
const SAME_PRESS_MS = 100;

const abort = new AbortController();
let firstSignalAt: number | undefined;
let endsCleanly = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const now = performance.now();
    // A terminal that closes says so more than once, by its kernel and by its program; only a person grows impatient.
    const again = signal !== 'SIGHUP' && firstSignalAt !== undefined && now - firstSignalAt > SAME_PRESS_MS;
    if (again || !endsCleanly) process.exit(130);
    firstSignalAt ??= now;
    abort.abort();
  });
}

for (const stream of [process.stdout, process.stderr]) {
  // `imgpipe … | head`, or a terminal that was closed (EIO): the reader has gone, so there is nobody left to work for.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'EIO') throw error;
    abort.abort();
  });
}

const context: CliContext = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  signal: abort.signal,
  takeSignals: () => {
    endsCleanly = true;
  },
  engine: async () => await (await import('./load-engine.ts')).loadEngine(),
};

// What is thrown is a bug: its stack is what a report needs, not Node's picture of a bundled line.
process.on('uncaughtException', reportBug);
const exitCode = await runCli(process.argv.slice(2), context).catch(reportBug);
// Pipes are written asynchronously on some systems: what is left of the output goes out before the end.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(exitCode);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableLength === 0 || stream.destroyed) resolve();
    else stream.write('', () => resolve());
  });
}

function reportBug(error: unknown): never {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`error: a bug in imgpipe ${VERSION}; please report it with these lines:\n${stack}\n`);
  process.exit(1);
}
