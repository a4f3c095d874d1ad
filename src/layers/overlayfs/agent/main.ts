import { isMainThread, parentPort } from 'node:worker_threads';
import { serveRequests } from './serve.ts';
import { failuresOf } from './failures.ts';
import { runTask, type Task } from './tasks.ts';
import type { TaskReply } from './worker-pool.ts';

/**
 * Entry of a workspace's helper process and of its worker threads. The process is started by `AgentProcess` in
 * namespaces of its own; its only argument is an `AgentSettings` as JSON.
 */
if (isMainThread) {
  serveRequests(process.argv[2] ?? '', new URL(import.meta.url));
} else {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
  parentPort?.on('message', (task: Task) => parentPort?.postMessage(answer(task)));
}

function answer(task: Task): TaskReply {
  try {
    return { type: 'done', result: runTask(task) };
  } catch (error) {
    const failures = failuresOf(error);
    if (failures !== undefined)
      return {
        type: 'failed',
        failures: failures.map(({ reason, message, hint }) => ({
          reason,
          message,
          ...(hint === undefined ? {} : { hint }),
        })),
      };
    return { type: 'broken', error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
