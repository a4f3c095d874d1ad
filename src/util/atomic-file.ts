import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { removeQuietly } from './remove-quietly.ts';
import { temporaryName } from './temporary-name.ts';
import { tracePoint } from './trace-point.ts';

/**
 * Writes a file so that at any moment its name holds either the old content or the new one, whole: exclusive temporary
 * file in the same folder, then rename. Folders on the way are made.
 * @param options.durable also waits until the bytes are on the disk (fsync), for what must outlive a power cut
 * @throws the file system's own error (ENOSPC, EACCES …); the temporary file is gone then
 */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: { durable?: boolean; mode?: number } = {},
): void {
  const temporary = temporaryName(path);
  const file = openMakingFolder(temporary, options.mode ?? 0o644);
  try {
    try {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      let written = 0;
      while (written < bytes.length) written += writeSync(file, bytes, written);
      if (options.durable === true) fsyncSync(file);
    } finally {
      closeSync(file);
    }
    tracePoint(() => `file:written ${kindOf(path)}`);
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

/** `latest/*.json`: a file with its folder, without what differs from run to run. */
function kindOf(path: string): string {
  return join(basename(dirname(path)), basename(path)).replaceAll(
    /^[0-9a-f]{2}(?=\/)|[0-9a-f]{8,}(-[0-9a-f]{6,})*/g,
    '*',
  );
}

function openMakingFolder(path: string, mode: number): number {
  try {
    return openSync(path, 'wx', mode);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) throw error;
    mkdirSync(dirname(path), { recursive: true });
    return openSync(path, 'wx', mode);
  }
}

/** Whether an unknown error is the operating system's error of that name. */
export function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(codeOf(error));
}

/** What Node's rmSync says instead of a code, in strerror(3)'s words. */
const WORDS: readonly (readonly [words: string, code: string])[] = [
  ['Read-only file system', 'EROFS'],
  ['Input/output error', 'EIO'],
  ['No space left on device', 'ENOSPC'],
  ['Structure needs cleaning', 'EUCLEAN'],
  ['Permission denied', 'EACCES'],
  ['Operation not permitted', 'EPERM'],
];

function codeOf(error: Error & { readonly code?: unknown }): string {
  const code = String(error.code);
  return code === '' ? (WORDS.find(([words]) => error.message.includes(words))?.[1] ?? '') : code;
}
