import type { Digest } from '../model/ids.ts';
import type { LayerStore } from './layer-store.ts';
import type { ByteString, ManifestEntry } from './manifest.ts';
import { distinctTopmost, type Found } from './view-index.ts';

/** Everything that a view shows, by path, with the layer that gives it. The order of paths has no meaning. */
export type VisibleTree = ReadonlyMap<ByteString, Found>;

/**
 * The whole of what an overlay of layers shows, by the same rules as `ViewIndex`, which is quicker for a few paths.
 * Costs one pass over all manifests.
 * @param digests bottom first
 * @throws FailureError `store-invalid` when a layer is missing or damaged
 */
export function visibleTree(store: LayerStore, digests: readonly Digest[]): VisibleTree {
  const tree = new Map<ByteString, Found>();
  for (const layer of distinctTopmost(digests)) {
    const manifest = store.manifest(layer);
    hideBelow(tree, [...manifest.entries()]);
    for (const entry of manifest.entries()) {
      if (entry.type === 'whiteout') tree.delete(entry.path);
      else tree.set(entry.path, { entry, layer });
    }
  }
  return tree;
}

/** Takes out what lies in folders that a layer hides: deleted, replaced by something else, or opaque. */
function hideBelow(tree: Map<ByteString, Found>, entries: readonly ManifestEntry[]): void {
  const hidden = new Set(
    entries.flatMap((entry) => {
      if (entry.type === 'directory' && !entry.opaque) return [];
      return tree.get(entry.path)?.entry.type === 'directory' ? [entry.path] : [];
    }),
  );
  if (hidden.size === 0) return;
  for (const path of tree.keys()) {
    if (liesIn(path, hidden)) tree.delete(path);
  }
}

function liesIn(path: ByteString, folders: ReadonlySet<ByteString>): boolean {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    if (folders.has(path.slice(0, at))) return true;
  }
  return folders.has('/') && path !== '/';
}
