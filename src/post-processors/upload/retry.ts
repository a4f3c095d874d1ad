import { FailureError } from '../../diagnostics/failure.ts';

/** An answer or error of a server that may be another one a moment later. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
}

/**
 * Tries something up to five times, with growing pauses, as long as it throws `TransientError`.
 * @throws FailureError `post-failed` after the last try; what `body` throws otherwise
 */
export async function withRetries<T>(
  what: string,
  { signal, log }: { readonly signal: AbortSignal; readonly log: (line: string) => void },
  body: () => Promise<T>,
): Promise<T> {
  const { default: retry } = await import('p-retry');
  try {
    return await retry(body, {
      retries: 4,
      minTimeout: 500,
      maxTimeout: 8000,
      signal,
      shouldRetry: ({ error }) => error instanceof TransientError,
      onFailedAttempt: ({ error, attemptNumber, retriesLeft }) => {
        if (error instanceof TransientError && retriesLeft > 0)
          log(`${what}: ${error.message}; attempt ${attemptNumber} of 5`);
      },
    });
  } catch (error) {
    if (!(error instanceof TransientError)) throw error;
    const hint = 'Build again when the server answers; nothing that was built is lost.';
    throw new FailureError({
      reason: 'post-failed',
      message: `${what}: ${error.message}`,
      hint,
      cause: error,
    });
  }
}
