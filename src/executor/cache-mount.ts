import { mkdir, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreLayout } from '../cache/store-layout.ts';

/** Folder kept between runs for a cache mount; ids are made safe for a file name. */
export async function cacheMountFolder(layout: StoreLayout, id: string): Promise<string> {
  const folder = join(layout.folder('mounts'), id.replaceAll(/[^A-Za-z0-9._-]/g, '_'));
  await mkdir(folder, { recursive: true });
  const now = Date.now() / 1000;
  // The time of its last use, for deleting what was not used for longest. A store of others keeps its own.
  await utimes(folder, now, now).catch(() => undefined);
  return folder;
}
