import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FailureError } from '../diagnostics/failure.ts';
import { asDigest, type Digest } from '../model/ids.ts';
import type { LayerRef } from '../model/layer.ts';
import { isErrno } from '../util/atomic-file.ts';
import { ManifestIndex } from './manifest-index.ts';

/**
 * The immutable layers of a store, read without privileges and without a workspace.
 *
 *     <store>/layers/<hex>/tree       the files: an overlay upper tree (whiteouts are character devices 0:0)
 *                          manifest   canonical text; its SHA-256 is <hex>; format in manifest.ts
 *                          info.json  {"size": bytes of file content, "entries": lines of the manifest}
 *     <store>/active/<run>/           what a running workspace is working on; no layer yet
 *
 * A layer appears by one rename of a whole folder and is never written again, so readers need no lock.
 */
export class LayerStore {
  readonly directory: string;
  readonly #manifests = new Map<Digest, ManifestIndex>();

  /** @param directory the store's root (absolute); need not exist yet */
  constructor(directory: string) {
    this.directory = directory;
  }

  get layersDirectory(): string {
    return join(this.directory, 'layers');
  }

  get activeDirectory(): string {
    return join(this.directory, 'active');
  }

  layerDirectory(digest: Digest): string {
    return join(this.layersDirectory, hexOf(digest));
  }

  treeDirectory(digest: Digest): string {
    return join(this.layerDirectory(digest), 'tree');
  }

  hasLayer(digest: Digest): boolean {
    return this.layerInfo(digest) !== undefined;
  }

  /** Size and number of entries, or undefined when the store has no such layer. One small read. */
  layerInfo(digest: Digest): LayerRef | undefined {
    const text = readIfExists(join(this.layerDirectory(digest), 'info.json'), 'utf8');
    const info = text === undefined ? undefined : parseInfo(text);
    return info === undefined ? undefined : { digest, ...info };
  }

  listLayers(): Digest[] {
    try {
      const names = readdirSync(this.layersDirectory);
      return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).map((name) => asDigest(`sha256:${name}`));
    } catch (error) {
      if (isErrno(error, 'ENOENT')) return [];
      throw error;
    }
  }

  /**
   * The layer's manifest for lookups; kept in memory.
   * @throws FailureError `store-invalid` when the layer is missing or its manifest unreadable
   */
  manifest(digest: Digest): ManifestIndex {
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    const text = readIfExists(join(this.layerDirectory(digest), 'manifest'), 'latin1');
    const index = text === undefined ? undefined : ManifestIndex.of(text);
    if (index === undefined) {
      throw new FailureError({
        reason: 'store-invalid',
        message: `the layer ${digest} is ${text === undefined ? 'missing from' : 'damaged in'} ${this.directory}`,
        hint: 'Run `imgpipe cache verify`; what is missing is then built again.',
      });
    }
    this.#manifests.set(digest, index);
    return index;
  }
}

export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

function readIfExists(path: string, encoding: BufferEncoding): string | undefined {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Size and entries of an info.json, or undefined when it is damaged: corrupt equals missing. */
function parseInfo(text: string): { size: number; entries: number } | undefined {
  try {
    const info: unknown = JSON.parse(text);
    if (typeof info !== 'object' || info === null || !('size' in info) || !('entries' in info))
      return undefined;
    return typeof info.size === 'number' && typeof info.entries === 'number'
      ? { size: info.size, entries: info.entries }
      : undefined;
  } catch {
    return undefined;
  }
}
