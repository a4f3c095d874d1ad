import { statSync } from 'node:fs';
import { tmpdir } from 'node:os';

/** A folder whose files never reach a disk, where the system has one: for keys and logins that programs read as files. */
export function memoryFolder(): string {
  return statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true ? '/dev/shm' : tmpdir();
}
