import { lstatSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { listFolder, readJournals } from './journal.ts';
import type { StoreLayout } from './store-layout.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Brings every cache mount back to a size, the files that were not changed for longest going first: package downloads
 * pile up in them for ever, as no program of a step knows which are still wanted. Looks at most once a day, and not
 * while another run lives, which may be using them.
 * @param limits.ownRun the run that asks
 * @param remove deletes a file that may belong to a mapped owner
 * @returns bytes freed
 */
export async function trimMountsDaily(
  layout: StoreLayout,
  limits: { readonly maxBytes: number; readonly ownRun: string; readonly now?: number },
  remove: (path: string) => Promise<void>,
): Promise<number> {
  const { maxBytes, ownRun, now = Date.now() } = limits;
  const marker = join(layout.folder('used'), 'mounts');
  const last = statSync(marker, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A mark from the future was made before the clock was set back.
  if (Math.abs(now - last) < DAY_MS) return 0;
  if (readJournals(layout).some(({ alive, record }) => alive && record.runId !== ownRun)) return 0;
  let freed = 0;
  for (const name of listFolder(layout.folder('mounts')))
    freed += await trimMount(join(layout.folder('mounts'), name), maxBytes, remove);
  writeFileAtomic(marker, '');
  utimesSync(marker, now / 1000, now / 1000);
  return freed;
}

async function trimMount(
  folder: string,
  maxBytes: number,
  remove: (path: string) => Promise<void>,
): Promise<number> {
  const files = listFiles(folder).toSorted((a, b) => a.mtimeMs - b.mtimeMs);
  const size = files.reduce((sum, file) => sum + file.bytes, 0);
  let freed = 0;
  for (const file of files) {
    if (size - freed <= maxBytes) break;
    await remove(file.path);
    freed += file.bytes;
  }
  return freed;
}

interface MountFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly bytes: number;
  readonly mtimeMs: number;
}

/** Regular files of a tree; what may not be read counts as nothing. */
function listFiles(folder: string): MountFile[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return listFiles(path);
      if (!entry.isFile()) return [];
      const { blocks, mtimeMs } = lstatSync(path);
      return [{ path, bytes: blocks * 512, mtimeMs }];
    });
  } catch {
    return [];
  }
}
