import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../../../model/ids.ts';
import type { LayerRef } from '../../../model/layer.ts';
import type { TreeEntry } from '../../../model/tree-entry.ts';
import { LayerStore } from '../../layer-store.ts';
import { ViewIndex } from '../../view-index.ts';
import type { CommitRules, PlacementFacts } from '../../workspace.ts';
import { storeTree } from './store-tree.ts';
import { verifyLayer } from './verify-layer.ts';
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
        ...(task.rules.secrets === undefined ? {} : { secrets: task.rules.secrets }),
      });
    case 'write-layer':
      return writeLayer(store, task);
    case 'verify':
      return verifyLayer(store, task.layer);
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
