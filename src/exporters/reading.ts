import { FailureError } from '../diagnostics/failure.ts';

/** What goes wrong with the disk is not to be taken for trouble with the output. */
export async function reading<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new FailureError({
      reason: 'export-failed',
      message: 'the disk cannot be read',
      excerpt: [String(error)],
      cause: error,
    });
  }
}
