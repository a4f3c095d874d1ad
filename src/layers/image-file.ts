import { readFileSync } from 'node:fs';
import { hexOf, type LayerStore } from './layer-store.ts';
import { byteString, bytesOf } from './manifest.ts';
import { resolvePath } from './resolve-path.ts';
import type { ViewIndex } from './view-index.ts';

/** Path on the host of the bytes of a regular file of a view, links of the image followed; undefined when there is none. */
export function locateImageFile(store: LayerStore, view: ViewIndex, path: string): Buffer | undefined {
  const resolved = resolvePath(view, byteString(path), { followLast: true });
  if (resolved.type !== 'path') return undefined;
  const found = view.lookupFile(resolved.path);
  if (found?.entry.type !== 'file') return undefined;
  // The folders of a real path are folders in that very layer too, so the host path crosses no link.
  return Buffer.concat([
    Buffer.from(`${store.layersDirectory}/${hexOf(found.layer)}/tree`),
    bytesOf(found.entry.path),
  ]);
}

/** Text of a file of a view, or undefined when there is none. @throws EACCES where only the workspace may read it */
export function readImageText(store: LayerStore, view: ViewIndex, path: string): string | undefined {
  const file = locateImageFile(store, view, path);
  return file === undefined ? undefined : readFileSync(file, 'utf8');
}
