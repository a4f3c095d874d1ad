import { Worker } from 'node:worker_threads';

/** What a thread is started for: one file, a folder (`digestOfTree`), or whatever it is told to take from shared memory. */
export type HashJob =
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'tree'; readonly path: string }
  | { readonly type: 'memory'; readonly memory: SharedArrayBuffer };

/** What follows next in the hashed stream. */
export type HashRequest =
  | { readonly type: 'bytes'; readonly slot: number; readonly start: number; readonly end: number }
  | { readonly type: 'zeros'; readonly length: number }
  | { readonly type: 'end' };

export type HashAnswer =
  /** The bytes of a slot are no longer needed. */
  | { readonly type: 'hashed'; readonly slot: number }
  /** `size`: the bytes that were hashed; of a folder, those of its files. */
  | { readonly type: 'digest'; readonly sha256: string; readonly size: number };

/** Starts the thread's program: beside this file in the sources, and a bundle of its own beside the bundled program. */
export function startHashWorker(job: HashJob): Worker {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'mjs';
  return new Worker(new URL(`./sha256-worker.${ending}`, import.meta.url), { workerData: job });
}

/** SHA-256 of a stream whose pieces lie in shared memory, worked out beside the reading and writing. */
export class HashThread implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #digest: Promise<string>;

  /**
   * @param on.hashed called with the slot when its bytes may be overwritten
   * @param on.error called when the thread broke
   */
  constructor(
    memory: SharedArrayBuffer,
    on: { readonly hashed: (slot: number) => void; readonly error: (error: unknown) => void },
  ) {
    this.#worker = startHashWorker({ type: 'memory', memory });
    this.#digest = new Promise((resolve, reject) => {
      this.#worker.on('message', (answer: HashAnswer) => {
        if (answer.type === 'hashed') on.hashed(answer.slot);
        else resolve(answer.sha256);
      });
      this.#worker.once('error', reject);
    });
    this.#digest.catch(on.error);
  }

  add(request: Exclude<HashRequest, { type: 'end' }>): void {
    this.#post(request);
  }

  /** Of all that was added, as 64 hex digits. */
  async digest(): Promise<string> {
    this.#post({ type: 'end' });
    return await this.#digest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }

  #post(request: HashRequest): void {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
    this.#worker.postMessage(request);
  }
}
