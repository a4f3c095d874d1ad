import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import { FailureError, type Failure } from '../diagnostics/failure.ts';
import { PRUNE_HINT } from '../diagnostics/no-space.ts';
import { storageFailure } from '../diagnostics/storage-failure.ts';
import type { GraphNode } from '../model/graph.ts';
import { isErrno } from '../util/atomic-file.ts';

/** An unexpected error becomes a failure that the user can act on, or report. */
export function nodeFailure(error: unknown, node: GraphNode): Failure {
  if (error instanceof FailureError && error.failures[0] !== undefined) return error.failures[0];
  const at = { origin: node.origin, stepId: node.id, cause: error };
  if (isErrno(error, 'EFBIG')) {
    return {
      reason: 'image-too-large',
      message: `${node.name} makes a larger file than the file system can hold on which it is written`,
      hint: 'ext4 holds files up to 16 TiB, XFS and btrfs larger ones: put the cache on one of them, or ask for a smaller size',
      ...at,
    };
  }
  if (isErrno(error, 'ENOSPC', 'EDQUOT')) {
    return {
      reason: 'disk-full',
      message: `no space is left on the disk (${node.name})`,
      hint: PRUNE_HINT,
      ...at,
    };
  }
  if (isErrno(error, 'EACCES', 'EPERM', 'EROFS')) {
    return { reason: 'permission-denied', message: `${node.name}: ${(error as Error).message}`, ...at };
  }
  const broken = storageFailure(error);
  if (broken !== undefined) return { ...broken, ...at };
  // The operating system refuses a path that somebody has written.
  if (isErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG', 'ETXTBSY') && namesPath(error))
    return { reason: reasonOf(node), message: `${node.name}: ${(error as Error).message}`, ...at };
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { reason: 'internal', message: `${node.name}: ${message}`, ...at };
}

const namesPath = (error: unknown): boolean =>
  error instanceof Error && 'path' in error && 'syscall' in error;

function reasonOf({ role }: GraphNode): FailureReason {
  switch (role) {
    case 'source':
      return 'source-failed';
    case 'export':
      return 'export-failed';
    case 'post':
      return 'post-failed';
    default:
      return 'step-failed';
  }
}
