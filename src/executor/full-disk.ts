import { statfsSync, statSync } from 'node:fs';
import { FailureError, type Failure } from '../diagnostics/failure.ts';
import { noSpaceForBoth, noSpaceInCache, noSpaceToWrite } from '../diagnostics/no-space.ts';
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
      ...told,
      ...(excerpt === undefined ? {} : { excerpt }),
      cause: error,
    });
  } catch {
    // It is gone, as on a network that broke.
    return error;
  }
}

function describe(output: string, cache: string): Failure {
  if (statSync(output).dev === statSync(cache).dev) {
    return noSpaceForBoth(output);
  }
  return freeBytes(output) <= freeBytes(cache) ? noSpaceToWrite(output) : noSpaceInCache(cache);
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
