import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { FailureError, type Failure } from '../../../diagnostics/failure.ts';
import type { Task, TaskResult, TaskResults } from './tasks.ts';

/** What a worker thread answers to a task. */
export type TaskReply =
  | { readonly type: 'done'; readonly result: TaskResult }
  | { readonly type: 'failed'; readonly failures: readonly Failure[] }
  | { readonly type: 'broken'; readonly error: string };

/** A few threads for long synchronous work; each does one task at a time, further tasks wait in order. */
export class WorkerPool {
  readonly #entry: URL;
  readonly #limit = Math.max(2, availableParallelism());
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #started = 0;

  /** @param entry module that the threads run: answers each posted `Task` with one `TaskReply` */
  constructor(entry: URL) {
    this.#entry = entry;
  }

  /** Starts a first thread ahead of need: it takes some 30 ms. */
  warmUp(): void {
    if (this.#started === 0) this.#release(this.#start());
  }

  async run<Type extends Task['type']>(task: Extract<Task, { type: Type }>): Promise<TaskResults[Type]> {
    const worker = await this.#acquire();
    try {
      const reply = await new Promise<TaskReply>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
        worker.postMessage(task);
      });
      if (reply.type === 'failed') throw new FailureError(...reply.failures);
      if (reply.type === 'broken') throw new Error(reply.error);
      // The thread answers a task of this type with its result.
      return reply.result as TaskResults[Type];
    } finally {
      worker.removeAllListeners('message').removeAllListeners('error');
      this.#release(worker);
    }
  }

  #start(): Worker {
    this.#started += 1;
    return new Worker(this.#entry);
  }

  #acquire(): Promise<Worker> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#started < this.#limit) return Promise.resolve(this.#start());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #release(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
  }
}
