import { setTimeout as sleep } from 'node:timers/promises';
import { FailureError } from '../../diagnostics/failure.ts';

/** Time as these kinds see it; tests have one of their own. */
export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** @throws FailureError `aborted` when the signal comes first */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  wait: async (milliseconds, signal) => {
    try {
      await sleep(milliseconds, undefined, { signal });
    } catch (cause) {
      throw new FailureError({ reason: 'aborted', message: 'The run was stopped while it waited.', cause });
    }
  },
};

/** Between two tries, unless a kind says otherwise. */
const RETRY_DELAY_MS = 2000;

/**
 * Tries `body` until it does not fail, at most for a time that begins now; then its last failure counts. A stopped run
 * is not tried again.
 */
export async function retryFor<T>(
  timeoutMs: number,
  signal: AbortSignal,
  clock: Clock,
  body: () => Promise<T>,
  delayMs = RETRY_DELAY_MS,
): Promise<T> {
  const deadline = clock.now() + timeoutMs;
  for (;;) {
    try {
      return await body();
    } catch (error) {
      const mayPass =
        error instanceof FailureError && !error.failures.some(({ reason }) => reason === 'aborted');
      if (!mayPass || signal.aborted || clock.now() >= deadline) throw error;
    }
    await clock.wait(delayMs, signal);
  }
}
