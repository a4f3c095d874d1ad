import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../../model/ids.ts';
import { isErrno, writeFileAtomic } from '../../../util/atomic-file.ts';
import { sha256Hex } from '../../../util/hash.ts';
import { currentBootId } from '../../../util/process-identity.ts';
import { formatInfo, hexOf, type LayerStore } from '../../layer-store.ts';
import { formatManifest } from '../../manifest.ts';
import { describeTree } from './describe-tree.ts';
import { selectChanges } from './select-changes.ts';

/** Reads every byte of a layer again; notes the boot in which it was proven. What cannot be read is damaged. */
export function verifyLayer(store: LayerStore, layer: Digest): 'intact' | 'damaged' | 'missing' {
  try {
    const manifest = readFileSync(join(store.layerDirectory(layer), 'manifest'));
    if (sha256Hex(manifest) !== hexOf(layer)) return 'damaged';
    const { changes } = describeTree(store.treeDirectory(layer), Number.MAX_SAFE_INTEGER);
    const entries = selectChanges(changes, { below: undefined, dropped: () => false, shim: new Set() });
    if (formatManifest(entries) !== manifest.toString('latin1')) return 'damaged';
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return store.hasLayer(layer) ? 'damaged' : 'missing';
    if (isErrno(error, 'EIO', 'EISDIR', 'EUCLEAN')) return 'damaged';
    throw error;
  }
  const info = store.layerInfo(layer);
  if (info === undefined) return 'damaged';
  noteBoot(store, info);
  return 'intact';
}

function noteBoot(store: LayerStore, info: { digest: Digest; size: number; entries: number }): void {
  if (store.bootOf(info.digest) === currentBootId()) return;
  try {
    writeFileAtomic(
      join(store.layerDirectory(info.digest), 'info.json'),
      formatInfo({ ...info, bootId: currentBootId() }),
    );
  } catch {
    // A full or read-only disk: it is proven again the next time.
  }
}
