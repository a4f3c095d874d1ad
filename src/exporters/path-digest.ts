import { lstat } from 'node:fs/promises';
import { digestInThread, sha256OfFile } from './file-digest.ts';
import type { PathDigest } from './tree-digest.ts';

export type { PathDigest };

/**
 * Of a file its bytes, of a folder its listing (`digestOfTree`).
 * @throws FailureError `aborted`; the file system's own error
 */
export async function digestOfPath(path: string, signal?: AbortSignal): Promise<PathDigest> {
  const info = await lstat(path);
  if (!info.isDirectory()) return { size: info.size, sha256: await sha256OfFile(path, signal) };
  const { size, sha256 } = await digestInThread({ type: 'tree', path }, signal);
  return { size, sha256 };
}
