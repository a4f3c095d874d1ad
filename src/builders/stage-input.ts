import { constants } from 'node:fs';
import { chmod, chown, copyFile, lutimes, mkdir, readlink, stat, symlink, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../diagnostics/failure.ts';
import { isErrno } from '../util/atomic-file.ts';
import { listHostTree } from '../util/host-tree.ts';

export interface StageOptions {
  /** What a step is not to see: glob patterns relative to a folder. */
  readonly exclude?: readonly string[];
  /** Time of every file, in seconds since 1970. */
  readonly time: number;
}

/**
 * Copies a host file or folder to `target`, which must not exist, as keys know it: names, types, modes, link targets and
 * bytes. Times, owners, attributes, sockets, devices and excluded paths have no part in a key, so no step may see them.
 * @throws FailureError `input-missing`
 */
export async function stageInput(
  source: string,
  target: string,
  { exclude, time }: StageOptions,
): Promise<void> {
  try {
    const top = await stat(source);
    if (!top.isDirectory()) return await stageFile(source, target, top.mode, time);
    const folders: { readonly path: string; readonly mode: number }[] = [{ path: target, mode: top.mode }];
    await mkdir(target, { mode: 0o700 });
    for (const { path, stat: entry } of listHostTree({ path: source, ...(exclude && { exclude }) })) {
      const [from, to] = [join(source, path), join(target, path)];
      if (entry.isDirectory()) {
        await mkdir(to, { mode: 0o700 });
        folders.push({ path: to, mode: Number(entry.mode) });
      } else if (entry.isSymbolicLink()) {
        await symlink(await readlink(from), to);
        await lutimes(to, time, time);
      } else if (entry.isFile()) await stageFile(from, to, Number(entry.mode), time);
    }
    // From the inside out: what is made in a folder changes its time, and its mode may forbid it.
    for (const { path, mode } of folders.toReversed()) {
      await chmod(path, mode & 0o7777);
      await utimes(path, time, time);
    }
  } catch (cause) {
    if (isErrno(cause, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES')) throw unreadable(source, cause);
    throw cause;
  }
}

async function stageFile(source: string, target: string, mode: number, time: number): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  // libuv gives a copy the owner of the original.
  await chown(target, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  await chmod(target, mode & 0o7777);
  await utimes(target, time, time);
}

function unreadable(source: string, cause: unknown): FailureError {
  return new FailureError({
    reason: 'input-missing',
    message: `${source} ${isErrno(cause, 'EACCES') ? 'cannot be read' : 'does not exist'}, so a step cannot see it`,
    cause,
  });
}
