import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { View } from '../../model/layer.ts';
import { isErrno } from '../../util/atomic-file.ts';
import type { LayerStore } from '../layer-store.ts';
import { byteString, bytesOf, textOf, type ByteString } from '../manifest.ts';
import { resolvePath } from '../resolve-path.ts';
import { ViewIndex, type Found } from '../view-index.ts';
import { visibleTree } from '../visible-tree.ts';
import { collectInventory } from './collect.ts';
import type { ImageFile, Inventory } from './inventory.ts';

/**
 * Reads packages and files of an image from its layers, without mounting them.
 * @param options.withFiles whether files and their digests are wanted; each is then read once
 */
export function takeInventory(
  { view, store }: { readonly view: View; readonly store: LayerStore },
  options: { readonly withFiles: boolean; readonly signal: AbortSignal },
): Inventory {
  const digests = view.map(({ digest }) => digest);
  const index = new ViewIndex(store, digests);
  const readText = (path: string): string => readImageFile(store, index, path) ?? '';
  const files = new Map<string, ImageFile>();
  if (options.withFiles) {
    const visible = [...visibleTree(store, digests)].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [path, { entry, layer }] of visible) {
      if (entry.type !== 'file') continue;
      options.signal.throwIfAborted();
      const sha1 = sha1Of(join(store.treeDirectory(layer)), entry.path);
      const name = textOf(path);
      files.set(name, { path: name, sha256: entry.sha256, ...(sha1 === undefined ? {} : { sha1 }) });
    }
  }
  return collectInventory({ tree: index, readText, files });
}

function readImageFile(store: LayerStore, index: ViewIndex, path: string): string | undefined {
  const resolved = resolvePath(index, byteString(path), { followLast: true });
  const found: Found | undefined = resolved.type === 'path' ? index.lookupFile(resolved.path) : undefined;
  if (found?.entry.type !== 'file') return undefined;
  return readFileSync(inTree(store.treeDirectory(found.layer), found.entry.path), 'utf8');
}

function sha1Of(tree: string, path: ByteString): string | undefined {
  try {
    return createHash('sha1')
      .update(readFileSync(inTree(tree, path)))
      .digest('hex');
  } catch (error) {
    // Layers of an ordinary user have the owners and modes of the image.
    if (isErrno(error, 'EACCES')) return undefined;
    throw error;
  }
}

const inTree = (tree: string, path: ByteString): Buffer => Buffer.concat([Buffer.from(tree), bytesOf(path)]);
