import { createHash } from 'node:crypto';
import { lutimesSync, mkdirSync, renameSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { asDigest } from '../../../model/ids.ts';
import type { LayerRef } from '../../../model/layer.ts';
import { FailureError } from '../../../diagnostics/failure.ts';
import { isErrno } from '../../../util/atomic-file.ts';
import { currentBootId } from '../../../util/process-identity.ts';
import { tracePoint } from '../../../util/trace-point.ts';
import { dropMatcher } from '../../drop-rules.ts';
import { formatInfo, type LayerStore } from '../../layer-store.ts';
import { formatManifest, textOf, type ByteString, type ManifestEntry } from '../../manifest.ts';
import { SecretScan, type SecretValue } from '../../secret-scan.ts';
import type { ViewIndex } from '../../view-index.ts';
import { describeTree } from './describe-tree.ts';
import { removeAttribute, type TreeAttributes } from './extended-attributes.ts';
import { diskPath, type ScannedEntry } from './scan-tree.ts';
import { contentId, selectChanges } from './select-changes.ts';
import { verifyLayer } from './verify-layer.ts';

export interface TreeToStore {
  /** Tree on the store's file system; moved into the store. */
  readonly tree: string;
  /** Folder (not yet there) in which the layer is put together, on the same file system. */
  readonly stage: string;
  readonly below: ViewIndex | undefined;
  readonly drop: readonly string[];
  readonly sourceDateEpoch: number;
  /** Tree of files that the sandbox showed on top of the view. */
  readonly shim?: string;
  readonly secrets?: readonly SecretValue[];
}

/**
 * Makes a tree canonical, hashes it and moves it into the store. The layer appears whole by one rename; when the
 * store already has it, ours is left in `stage` to be thrown away.
 */
export function storeTree(store: LayerStore, request: TreeToStore): LayerRef {
  const scan = request.secrets === undefined ? undefined : new SecretScan(request.secrets);
  const { scanned, changes, attributes } = describeTree(request.tree, request.sourceDateEpoch, {
    dropped: dropMatcher(request.drop),
    onContent: scan && ((bytes, path) => refuseSecret(scan.find(bytes), textOf(path))),
    overlap: scan?.overlap,
  });
  tracePoint('layer:described');
  const kept = selectChanges(changes, {
    below: request.below,
    dropped: dropMatcher(request.drop),
    shim: request.shim === undefined ? new Set() : shimFiles(request.shim),
  });
  makeCanonical(request.tree, scanned, kept, attributes);
  const manifest = Buffer.from(formatManifest(kept), 'latin1');
  // Names, link targets and attributes.
  refuseSecret(scan?.find(manifest), 'a name in the layer');
  tracePoint('layer:canonical');
  const layer: LayerRef = {
    digest: asDigest(`sha256:${createHash('sha256').update(manifest).digest('hex')}`),
    size: kept.reduce((sum, entry) => sum + (entry.type === 'file' ? entry.size : 0), 0),
    entries: kept.length,
  };
  mkdirSync(request.stage);
  writeFileSync(join(request.stage, 'manifest'), manifest);
  writeFileSync(
    join(request.stage, 'info.json'),
    formatInfo({ size: layer.size, entries: layer.entries, bootId: currentBootId() }),
  );
  tracePoint('layer:staged');
  renameSync(request.tree, join(request.stage, 'tree'));
  tracePoint('layer:complete');
  publish(store, request.stage, layer);
  tracePoint('layer:published');
  return layer;
}

/** @throws FailureError `secret-leak` */
function refuseSecret(secret: string | undefined, where: string): void {
  if (secret === undefined) return;
  throw new FailureError({
    reason: 'secret-leak',
    message: `the secret \`${secret}\` is in ${where}, which would have become part of a layer`,
    hint: 'Delete the file in the step, or keep it in /run or /tmp, which no layer keeps.',
  });
}

function shimFiles(shim: string): Set<string> {
  const { changes } = describeTree(shim, Number.MAX_SAFE_INTEGER);
  return new Set(changes.flatMap(({ entry }) => (entry.type === 'file' ? [contentId(entry)] : [])));
}

/** Brings the tree on disk into the form the manifest describes. */
function makeCanonical(
  tree: string,
  scanned: readonly ScannedEntry[],
  kept: readonly ManifestEntry[],
  attributes: TreeAttributes,
): void {
  const byPath = new Map(kept.map((entry) => [entry.path, entry]));
  const gone = scanned.filter(({ path }) => !byPath.has(path));
  for (const { path, stat } of gone.toReversed()) {
    if (stat.isDirectory()) rmdirSync(diskPath(tree, path));
    else unlinkSync(diskPath(tree, path));
  }
  const inodes = new Map(scanned.map(({ path, stat }) => [path, stat.ino]));
  for (const [name, paths] of attributes.overlay) {
    // One name of each inode: the attribute of a file with several names can be removed once only.
    const stale = new Map<bigint | undefined, ByteString>();
    for (const path of paths) {
      const entry = byPath.get(path);
      const needed = name === 'user.overlay.opaque' && entry?.type === 'directory' && entry.opaque;
      if (entry !== undefined && !needed) stale.set(inodes.get(path), path);
    }
    removeAttribute(tree, name, [...stale.values()]);
  }
  // Times last, as the removals above touch folders.
  for (const { path, stat } of scanned) {
    const entry = byPath.get(path);
    if (entry === undefined || !('mtime' in entry)) continue;
    if (stat.isDirectory() || stat.mtimeNs !== BigInt(entry.mtime) * 1_000_000_000n) {
      lutimesSync(diskPath(tree, path), entry.mtime, entry.mtime);
    }
  }
}

function publish(store: LayerStore, stage: string, layer: LayerRef): void {
  const target = store.layerDirectory(layer.digest);
  mkdirSync(store.layersDirectory, { recursive: true });
  try {
    renameSync(stage, target);
  } catch (error) {
    // Another step or process made the very same layer, before or at this moment.
    if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
    // Bytes from before the machine last started may have been lost in a power cut, and then their record with them.
    if (store.isUsable(layer.digest) && store.bootOf(layer.digest) === currentBootId()) return;
    if (verifyLayer(store, layer.digest) === 'intact') return;
    // Only remains of one, as a power cut or an interrupted deletion by hand leaves them.
    renameSync(target, `${stage}-remains`);
    renameSync(stage, target);
  }
}
