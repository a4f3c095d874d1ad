import { rmSync } from 'node:fs';

/**
 * Deletes a file or folder while cleaning up. On a disk that takes no changes it stays: that must not hide the error
 * which led here, and what stays is that of a dead run, which the next one clears.
 */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Cleared later.
  }
}
