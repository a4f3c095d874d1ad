import { open } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FailureError } from '../diagnostics/failure.ts';

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
  const worker = workerFile();
  throwIfAborted(signal);
  return size < SMALL || worker === undefined
    ? await hashHere(path, signal)
    : await hashInWorker(worker, path, signal);
}

/** The thread's program: beside this file in the sources, and a bundle of its own beside the bundled program. */
function workerFile(): URL | undefined {
  const url = new URL(
    import.meta.url.endsWith('.ts') ? './sha256-worker.ts' : './sha256-worker.mjs',
    import.meta.url,
  );
  return existsSync(fileURLToPath(url)) ? url : undefined;
}

async function hashHere(path: string, signal: AbortSignal | undefined): Promise<string> {
  await using file = await open(path, 'r');
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK);
  for (;;) {
    throwIfAborted(signal);
    const { bytesRead } = await file.read(buffer, 0, CHUNK);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
  }
}

function hashInWorker(program: URL, path: string, signal: AbortSignal | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData: path });
    const stop = (): void => {
      void worker.terminate();
      reject(new FailureError({ reason: 'aborted', message: 'the run was stopped' }));
    };
    signal?.addEventListener('abort', stop, { once: true });
    worker.once('message', (answer: unknown) => resolve(String(answer)));
    worker.once('error', reject);
    worker.once('exit', () => signal?.removeEventListener('abort', stop));
  });
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
}
