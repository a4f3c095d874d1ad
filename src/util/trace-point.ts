import { appendFileSync, readFileSync } from 'node:fs';

/**
 * Moments at which tests stop a process to kill it there. With `IMGPIPE_TRACE=FILE` each one is appended to the file;
 * with `IMGPIPE_TRACE_STOP=NAME#N` the N-th of that name, over all processes of the run, does not return.
 */
const log = process.env['IMGPIPE_TRACE'];
const stop = process.env['IMGPIPE_TRACE_STOP'];

/** Longer than any test waits; a stopped process that nobody kills ends by itself. */
const STOP_MS = 60_000;

/**
 * A moment between two changes of the disk, named `what:moment`. Costs nothing unless a test listens.
 * @param moment its name, or what gives it
 */
export function tracePoint(moment: string | (() => string)): void {
  if (log === undefined) return;
  const name = typeof moment === 'string' ? moment : moment();
  appendFileSync(log, `${name}\n`);
  const [stopName, count] = stop?.split('#') ?? [];
  if (name !== stopName) return;
  const reached = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line === name).length;
  if (reached !== Number(count)) return;
  appendFileSync(log, 'stopped\n');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STOP_MS);
}

/** What a child process needs in its environment to take part. */
export function traceEnvironment(): Record<string, string> {
  return {
    ...(log === undefined ? {} : { IMGPIPE_TRACE: log }),
    ...(stop === undefined ? {} : { IMGPIPE_TRACE_STOP: stop }),
  };
}
