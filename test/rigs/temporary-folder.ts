import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** An empty folder that is deleted when the test ends. @param parent where it is; the system's for such things */
export function temporaryFolder(parent: string = tmpdir()): string {
  const path = mkdtempSync(join(parent, 'imgpipe-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
