import { FailureError, type Failure } from '../../../diagnostics/failure.ts';
import { PRUNE_HINT } from '../../../diagnostics/no-space.ts';
import { storageFailure } from '../../../diagnostics/storage-failure.ts';
import { isErrno } from '../../../util/atomic-file.ts';
import { SpawnError } from '../../../util/exec.ts';

/** The expected failures behind an error, or undefined for a bug. */
export function failuresOf(error: unknown): readonly Failure[] | undefined {
  if (error instanceof FailureError) return error.failures;
  if (error instanceof SpawnError && error.code === 'ENOENT') {
    return [
      { reason: 'tool-missing', message: `${error.program} is not installed`, hint: 'Run `imgpipe doctor`.' },
    ];
  }
  const message = error instanceof Error ? error.message : String(error);
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) {
    return [{ reason: 'disk-full', message, hint: PRUNE_HINT }];
  }
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS')) return [{ reason: 'permission-denied', message }];
  const broken = storageFailure(error);
  return broken === undefined ? undefined : [broken];
}
