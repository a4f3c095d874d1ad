import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../../model/ids.ts';
import type { LayerRef } from '../../../model/layer.ts';
import type { TreeEntry } from '../../../model/tree-entry.ts';
import { isErrno } from '../../../util/atomic-file.ts';
import { hexOf, LayerStore } from '../../layer-store.ts';
import { formatManifest } from '../../manifest.ts';
import { ViewIndex } from '../../view-index.ts';
import type { CommitRules, PlacementFacts } from '../../workspace.ts';
import { describeTree, storeTree } from './store-tree.ts';
import { selectChanges } from './select-changes.ts';
import { writeTree } from './write-tree.ts';

/** Long work on files, done by worker threads so that steps beside it go on. */
export type Task =
  | {
      readonly type: 'commit';
      readonly store: string;
      /** Folder of the active layer; `upper` in it becomes the layer. */
      readonly directory: string;
      readonly view: readonly Digest[];
      readonly rules: CommitRules;
      readonly shim: boolean;
    }
  | {
      readonly type: 'write-layer';
      readonly store: string;
      /** Private folder for the work (not yet there). */
      readonly directory: string;
      readonly entries: readonly TreeEntry[];
      readonly facts: PlacementFacts;
      readonly rules: CommitRules;
    }
  | { readonly type: 'verify'; readonly store: string; readonly layer: Digest };

export interface TaskResults {
  readonly commit: LayerRef;
  readonly 'write-layer': LayerRef;
  readonly verify: 'intact' | 'damaged' | 'missing';
}

export type TaskResult = TaskResults[Task['type']];

export function runTask(task: Task): TaskResult {
  const store = new LayerStore(task.store);
  switch (task.type) {
    case 'commit':
      return storeTree(store, {
        tree: join(task.directory, 'upper'),
        stage: join(task.directory, 'stage'),
        below: task.view.length === 0 ? undefined : new ViewIndex(store, task.view),
        drop: task.rules.drop,
        sourceDateEpoch: task.rules.sourceDateEpoch,
        ...(task.shim ? { shim: join(task.directory, 'shim') } : {}),
      });
    case 'write-layer':
      return writeLayer(store, task);
    case 'verify':
      return verify(store, task.layer);
  }
}

function writeLayer(store: LayerStore, task: Task & { type: 'write-layer' }): LayerRef {
  const tree = join(task.directory, 'upper');
  mkdirSync(tree, { recursive: true });
  try {
    const mtime = task.rules.sourceDateEpoch;
    writeTree({ root: tree, entries: task.entries, placements: task.facts.placements, mtime });
    const stage = join(task.directory, 'stage');
    return storeTree(store, { tree, stage, below: undefined, drop: [], sourceDateEpoch: mtime });
  } finally {
    rmSync(task.directory, { recursive: true, force: true });
  }
}

/** Reads every byte of a layer again. */
function verify(store: LayerStore, layer: Digest): 'intact' | 'damaged' | 'missing' {
  try {
    const manifest = readFileSync(join(store.layerDirectory(layer), 'manifest'));
    if (createHash('sha256').update(manifest).digest('hex') !== hexOf(layer)) return 'damaged';
    const { changes } = describeTree(store.treeDirectory(layer), Number.MAX_SAFE_INTEGER);
    const entries = selectChanges(changes, { below: undefined, dropped: () => false, shim: new Set() });
    return formatManifest(entries) === manifest.toString('latin1') ? 'intact' : 'damaged';
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR')) return store.hasLayer(layer) ? 'damaged' : 'missing';
    throw error;
  }
}
