import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Folders where system programs lie that are not on the PATH of ordinary users everywhere. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of a program, or undefined. */
export function findProgram(name: string, searchPath: string | undefined): string | undefined {
  const folders = [...(searchPath ?? '').split(delimiter), ...SYSTEM_FOLDERS].filter(
    (folder) => folder !== '',
  );
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
