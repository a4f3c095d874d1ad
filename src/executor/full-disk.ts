import { statfsSync, statSync } from 'node:fs';
import { FailureError, type Failure } from '../diagnostics/failure.ts';
import { isErrno } from '../util/atomic-file.ts';

/**
 * Of an error that says that a disk is full, one that says which: programs say it of the output folder and of the cache in the
 * same words, and have often deleted by then what filled it. So it is the one with less free space.
 * @param folders the output folder and the cache; both exist
 */
export function whichDiskIsFull(
  error: unknown,
  folders: { readonly output: string; readonly cache: string },
): unknown {
  const failure = error instanceof FailureError ? error.failures[0] : undefined;
  if (failure?.reason !== 'disk-full' && !isErrno(error, 'ENOSPC', 'EDQUOT')) return error;
  try {
    const told = describe(folders.output, folders.cache);
    const excerpt = failure?.excerpt?.slice(-2);
    return new FailureError({
      reason: 'disk-full',
      ...told,
      ...(excerpt === undefined ? {} : { excerpt }),
      cause: error,
    });
  } catch {
    // It is gone, as on a network that broke.
    return error;
  }
}

function describe(output: string, cache: string): Pick<Failure, 'message' | 'hint'> {
  if (statSync(output).dev === statSync(cache).dev) {
    const hint = 'free space there, e.g. with `imgpipe cache prune`, or choose another folder with --output';
    return { message: `no space left on the disk of ${output} and the cache`, hint };
  }
  return freeBytes(output) <= freeBytes(cache)
    ? {
        message: `no space left to write ${output}`,
        hint: 'free space there, or choose another folder with --output',
      }
    : {
        message: `no space left in the cache ${cache}`,
        hint: 'free space there, e.g. with `imgpipe cache prune`',
      };
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
