import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { StoreLayout } from '../cache/store-layout.ts';

/** Folder kept between runs for a cache mount; ids are made safe for a file name. */
export async function cacheMountFolder(layout: StoreLayout, id: string): Promise<string> {
  const folder = join(layout.folder('mounts'), id.replaceAll(/[^A-Za-z0-9._-]/g, '_'));
  await mkdir(folder, { recursive: true });
  return folder;
}
