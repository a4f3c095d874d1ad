import { accessSync, constants, lstatSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Failure } from '../diagnostics/failure.ts';
import { isErrno } from '../util/atomic-file.ts';
import { outputFailure } from './output.ts';

/**
 * What keeps files from being written into a folder, or the folder from being made; undefined when nothing does, as far
 * as can be told without writing. For root a folder is read-only only where its file system is.
 */
export function folderMistake(folder: string): Failure | undefined {
  try {
    accessSync(firstThere(folder), constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const failure = outputFailure(error, folder);
    if (failure === undefined) throw error;
    return failure;
  }
}

/**
 * The folder, or the nearest one above it that there is.
 * @throws ENOTDIR when it is a file; as mkdir(2) does ENOENT when it is a link to nothing
 */
function firstThere(path: string): string {
  const entry = lstatOf(path);
  const parent = dirname(path);
  if (entry === undefined && parent !== path) return firstThere(parent);
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return path;
  const [code, syscall] = found === undefined ? ['ENOENT', 'mkdir'] : ['ENOTDIR', 'stat'];
  throw Object.assign(new Error(`${code}: ${path}`), { code, syscall });
}

/** The entry of this name itself; undefined also below a file, of which the walk upwards comes to know. */
function lstatOf(path: string): ReturnType<typeof lstatSync> | undefined {
  try {
    return lstatSync(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
