import { isErrno } from '../util/atomic-file.ts';
import type { Failure } from './failure.ts';

/** What a disk or its driver answers when it is broken; EUCLEAN and EBADMSG: the file system is. */
const BROKEN = ['EIO', 'EUCLEAN', 'EBADMSG', 'ENXIO', 'ENODEV', 'ESTALE'];

/** The failure behind an error of a disk or file system that does not work; undefined for any other. */
export function storageFailure(error: unknown): Failure | undefined {
  if (!isErrno(error, ...BROKEN)) return undefined;
  return {
    reason: 'storage-failed',
    message: `the disk does not work: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'Look at the log of the kernel (dmesg). What was built before is checked when it is used again.',
    cause: error,
  };
}
