import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { FailureError } from '../diagnostics/failure.ts';
import { asDigest, type Digest } from '../model/ids.ts';
import type { LayerRef } from '../model/layer.ts';
import { isErrno } from '../util/atomic-file.ts';
import { sha256Hex } from '../util/hash.ts';
import { ManifestIndex } from './manifest-index.ts';

/**
 * The immutable layers of a store, read without privileges and without a workspace.
 *
 *     <store>/layers/<hex>/tree       the files: an overlay upper tree (whiteouts are character devices 0:0)
 *                          manifest   canonical text; its SHA-256 is <hex>; format in manifest.ts
 *                          info.json  {"size": bytes of file content, "entries": lines of the manifest,
 *                                     "bootId": boot in which its bytes were written or last proven}
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
    const info = this.#info(digest);
    return info === undefined ? undefined : { digest, size: info.size, entries: info.entries };
  }

  /** Boot in which the layer's bytes were written or last proven; undefined when that is not known. */
  bootOf(digest: Digest): string | undefined {
    return this.#info(digest)?.bootId;
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
   * Whether a layer can be built upon: its manifest is the one it is named after, and there is a tree. What the tree's
   * files hold is not read.
   */
  isUsable(digest: Digest): boolean {
    if (statSync(this.treeDirectory(digest), { throwIfNoEntry: false })?.isDirectory() !== true) return false;
    try {
      this.manifest(digest);
      return true;
    } catch (error) {
      if (error instanceof FailureError) return false;
      throw error;
    }
  }

  /** Forgets what was read of a layer that is deleted. */
  forget(digest: Digest): void {
    this.#manifests.delete(digest);
  }

  /**
   * The layer's manifest for lookups; kept in memory.
   * @throws FailureError `store-invalid` when the layer is missing or its manifest unreadable
   */
  manifest(digest: Digest): ManifestIndex {
    const known = this.#manifests.get(digest);
    if (known !== undefined) return known;
    const bytes = readIfExists(join(this.layerDirectory(digest), 'manifest'));
    const text =
      bytes !== undefined && sha256Hex(bytes) === hexOf(digest) ? bytes.toString('latin1') : undefined;
    const index = text === undefined ? undefined : ManifestIndex.of(text);
    if (index === undefined) {
      throw new FailureError({
        reason: 'store-invalid',
        message: `the layer ${digest} is ${bytes === undefined ? 'missing from' : 'damaged in'} ${this.directory}`,
        hint: 'Run `imgpipe cache verify`; what is missing is then built again.',
      });
    }
    this.#manifests.set(digest, index);
    return index;
  }

  #info(digest: Digest): LayerInfo | undefined {
    const bytes = readIfExists(join(this.layerDirectory(digest), 'info.json'));
    return bytes === undefined ? undefined : parseInfo(bytes.toString('utf8'));
  }
}

export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

function readIfExists(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

interface LayerInfo {
  readonly size: number;
  readonly entries: number;
  readonly bootId?: string;
}

/** The content of a layer's info.json. */
export function formatInfo(info: LayerInfo): string {
  return JSON.stringify({ size: info.size, entries: info.entries, bootId: info.bootId });
}

/** What an info.json holds, or undefined when it is damaged: corrupt equals missing. */
function parseInfo(text: string): LayerInfo | undefined {
  try {
    const info: unknown = JSON.parse(text);
    if (typeof info !== 'object' || info === null || !('size' in info) || !('entries' in info))
      return undefined;
    if (typeof info.size !== 'number' || typeof info.entries !== 'number') return undefined;
    const bootId = 'bootId' in info && typeof info.bootId === 'string' ? info.bootId : undefined;
    return { size: info.size, entries: info.entries, ...(bootId === undefined ? {} : { bootId }) };
  } catch {
    return undefined;
  }
}
