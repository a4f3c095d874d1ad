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
import {
  apkPackages,
  debPackages,
  type ImageFile,
  type Inventory,
  PACKAGE_DATABASES,
  parseRelease,
} from './inventory.ts';

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
  const release = readText('/etc/os-release') || readText('/usr/lib/os-release');
  const filesOf = (name: string, architecture: string): string[] => {
    if (files.size === 0) return [];
    const info = `/var/lib/dpkg/info/${name}`;
    return ownFiles(readText(`${info}.list`) || readText(`${info}:${architecture}.list`), index, files);
  };
  const packages = [
    ...debPackages(readText(PACKAGE_DATABASES.deb), filesOf),
    ...apkPackages(readText(PACKAGE_DATABASES.apk)),
  ];
  return { system: parseRelease(release), packages, files };
}

/** Files of a package's list, where they really lie: packages still name `/bin`, which is a link today. */
function ownFiles(list: string, index: ViewIndex, files: ReadonlyMap<string, ImageFile>): string[] {
  const found = list.split('\n').flatMap((path) => {
    if (!path.startsWith('/')) return [];
    const resolved = resolvePath(index, byteString(path), { followLast: false });
    const real = resolved.type === 'path' ? textOf(resolved.path) : undefined;
    return real !== undefined && files.has(real) ? [real] : [];
  });
  return [...new Set(found)].toSorted();
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
