import type { Digest } from '../model/ids.ts';
import type { LayerStore } from './layer-store.ts';
import type { ByteString, ManifestEntry } from './manifest.ts';
import type { ManifestIndex } from './manifest-index.ts';

/** Something that a view shows: never a whiteout. */
export type VisibleEntry = Exclude<ManifestEntry, { type: 'whiteout' }>;

export interface Found {
  readonly entry: VisibleEntry;
  /** The layer that gives the entry. */
  readonly layer: Digest;
}

interface IndexedLayer {
  readonly digest: Digest;
  readonly manifest: ManifestIndex;
}

/**
 * What an overlay of layers shows, worked out from their manifests alone: no mount, no privileges, and no trust in
 * what links on disk point to. Follows the kernel's rules: the topmost layer wins, folders merge, a whiteout or
 * anything that is not a folder hides all below it, an opaque folder hides the folders below it.
 */
export class ViewIndex {
  readonly #layers: readonly IndexedLayer[];
  /** Layers that make up a folder, topmost first; empty when the path is no folder. */
  readonly #stacks = new Map<ByteString, readonly IndexedLayer[]>();

  /** @param digests bottom first */
  constructor(store: LayerStore, digests: readonly Digest[]) {
    this.#layers = distinctTopmost(digests)
      .toReversed()
      .map((digest) => ({ digest, manifest: store.manifest(digest) }));
  }

  /** The entry at a real path, i.e. one whose folders are not symbolic links; undefined when nothing is there. */
  lookup(path: ByteString): Found | undefined {
    for (const layer of path === '/' ? this.#layers : this.#stack(parentOf(path))) {
      const entry = layer.manifest.find(path);
      if (entry?.type === 'whiteout') return undefined;
      if (entry !== undefined) return { entry, layer: layer.digest };
    }
    return undefined;
  }

  /** Like `lookup`, but a further name of a file gives the file's own entry (under its own path). */
  lookupFile(path: ByteString): Found | undefined {
    const found = this.lookup(path);
    if (found?.entry.type !== 'hard-link') return found;
    const layer = this.#layers.find(({ digest }) => digest === found.layer);
    const entry = layer?.manifest.find(found.entry.target);
    return entry === undefined || entry.type === 'whiteout' ? undefined : { entry, layer: found.layer };
  }

  isDirectory(path: ByteString): boolean {
    return path === '/' || this.lookup(path)?.entry.type === 'directory';
  }

  /** Entries in a real folder, in byte order; empty when it is none. */
  list(directory: ByteString): VisibleEntry[] {
    const seen = new Map<ByteString, ManifestEntry>();
    for (const { manifest } of this.#stack(directory)) {
      for (const entry of manifest.children(directory))
        if (!seen.has(entry.path)) seen.set(entry.path, entry);
    }
    const visible = [...seen.values()].filter((entry) => entry.type !== 'whiteout');
    return visible.toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  #stack(directory: ByteString): readonly IndexedLayer[] {
    if (directory === '/') return this.#layers;
    const known = this.#stacks.get(directory);
    if (known !== undefined) return known;
    const stack: IndexedLayer[] = [];
    for (const layer of this.#stack(parentOf(directory))) {
      const entry = layer.manifest.find(directory);
      if (entry === undefined) continue;
      if (entry.type !== 'directory') break;
      stack.push(layer);
      if (entry.opaque) break;
    }
    this.#stacks.set(directory, stack);
    return stack;
  }
}

/**
 * A view without repeated layers. Overlayfs refuses to mount one twice, and the topmost one already shows everything
 * the lower one would.
 */
export function distinctTopmost(digests: readonly Digest[]): Digest[] {
  return digests.filter((digest, index) => digests.indexOf(digest, index + 1) === -1);
}

export function parentOf(path: ByteString): ByteString {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

export function join(directory: ByteString, name: ByteString): ByteString {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}
