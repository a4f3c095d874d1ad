import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FailureError } from '../diagnostics/failure.ts';
import { startHashWorker, type HashAnswer, type HashJob } from './hash-thread.ts';

/** Smaller files are hashed at once: starting a thread takes longer. */
const SMALL = 4 * 2 ** 20;
const CHUNK = 2 ** 20;

/**
 * SHA-256 of a file as 64 hex digits; large files are read and hashed in a thread of their own.
 * @throws FailureError `aborted`; the file system's own error
 */
export async function sha256OfFile(path: string, signal?: AbortSignal): Promise<string> {
  throwIfAborted(signal);
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  throwIfAborted(signal);
  if (size >= SMALL) return (await digestInThread({ type: 'file', path }, signal)).sha256;
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (;;) {
    throwIfAborted(signal);
    const { bytesRead } = await file.read(buffer, 0, CHUNK);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
  }
}

/**
 * Runs one job of a thread to its end.
 * @throws FailureError `aborted`; the file system's own error
 */
export function digestInThread(
  job: Exclude<HashJob, { type: 'memory' }>,
  signal: AbortSignal | undefined,
): Promise<HashAnswer & { type: 'digest' }> {
  return new Promise((resolve, reject) => {
    throwIfAborted(signal);
    const worker = startHashWorker(job);
    const stop = (): void => {
      void worker.terminate();
      reject(stopped());
    };
    signal?.addEventListener('abort', stop, { once: true });
    worker.once('message', (answer: HashAnswer) => {
      if (answer.type === 'digest') resolve(answer);
    });
    worker.once('error', reject);
    worker.once('exit', () => signal?.removeEventListener('abort', stop));
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw stopped();
}

export function stopped(): FailureError {
  return new FailureError({ reason: 'aborted', message: 'the run was stopped' });
}
