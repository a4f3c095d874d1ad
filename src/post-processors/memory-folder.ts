import { statSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PostContext } from './post-processor.ts';

/**
 * A new folder that only this user can look into, whose files never reach a disk where the system has such a place: for keys
 * and logins that programs read as files. Whoever makes it deletes it; after a crash the next run does.
 */
export async function makeMemoryFolder({ guard }: PostContext, what: string): Promise<string> {
  const hasMemory = statSync('/dev/shm', { throwIfNoEntry: false })?.isDirectory() === true;
  const path = join(hasMemory ? '/dev/shm' : tmpdir(), `imgpipe-${randomBytes(8).toString('hex')}`);
  guard(path, what);
  await mkdir(path, { mode: 0o700 });
  return path;
}
