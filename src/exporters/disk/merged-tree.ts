import type { ManifestEntry } from '../../layers/manifest.ts';

/** An entry of a merged tree and the position of the layer whose attributes it has. */
export interface MergedEntry {
  readonly entry: Exclude<ManifestEntry, { type: 'whiteout' }>;
  readonly layer: number;
}

/** Paths of a stack of layers as an overlay mount shows them, in no order. */
export type MergedTree = Map<string, MergedEntry>;

/** A layer's position in the image's stack and what its manifest holds, in path order. */
export interface LayerEntries {
  readonly position: number;
  readonly entries: Iterable<ManifestEntry>;
}

/** Merges layers, bottom first, by the rules of overlayfs: whiteouts, opaque folders, files that replace folders. */
export function mergeTree(layers: Iterable<LayerEntries>): MergedTree {
  const tree: MergedTree = new Map();
  for (const { position, entries } of layers) {
    for (const entry of entries) {
      const below = tree.get(entry.path);
      if (below !== undefined && hidesBelow(entry, below.entry.type)) removeSubtree(tree, entry.path);
      if (entry.type !== 'whiteout') tree.set(entry.path, { entry, layer: position });
    }
  }
  return tree;
}

function hidesBelow(entry: ManifestEntry, below: ManifestEntry['type']): boolean {
  return entry.type !== 'directory' || entry.opaque || below !== 'directory';
}

/** Takes a path and all that lies under it out of the tree. */
export function removeSubtree(tree: MergedTree, path: string): void {
  const removed = tree.get(path);
  tree.delete(path);
  if (removed?.entry.type !== 'directory') return;
  const prefix = path === '/' ? '/' : `${path}/`;
  for (const other of tree.keys()) if (other.startsWith(prefix)) tree.delete(other);
}

/** All folders above a path, nearest first, without the root. */
export function* foldersAbove(path: string): Generator<string> {
  for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
    yield path.slice(0, slash);
  }
}
