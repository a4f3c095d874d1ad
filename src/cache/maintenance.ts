import { existsSync, rmSync } from 'node:fs';
import type { LayerStore } from '../layers/layer-store.ts';
import type { Workspace } from '../layers/workspace.ts';
import { asDigest } from '../model/ids.ts';
import { listRecords, takeInventory, type StoredItem } from './inventory.ts';
import { readJournals } from './journal.ts';
import { choosePrunable, freeBytes, type PrunePolicy } from './prune.ts';
import type { StoreLayout } from './store-layout.ts';

export interface PruneOutcome {
  readonly removed: readonly StoredItem[];
  readonly kept: number;
  /** Bytes. */
  readonly freed: number;
}

/** Deletes what the policy does not allow to stay; with `dryRun` only says what it would. Living runs keep theirs. */
export async function pruneStore(
  layout: StoreLayout,
  layers: LayerStore,
  policy: PrunePolicy,
  options: { dryRun: boolean; openWorkspace: () => Promise<Workspace> },
): Promise<PruneOutcome> {
  const living = readJournals(layout).filter((state) => state.alive);
  const leased = new Set(living.flatMap(({ record }) => [...record.leases, record.runId]));
  const items = (await takeInventory(layout, layers)).filter((item) => item.type !== 'mount' || living.length === 0);
  const removed = choosePrunable(items, policy, leased, Date.now(), freeBytes(layout.root));
  if (!options.dryRun && removed.length > 0) {
    const workspace = removed.some((item) => item.type === 'layer') ? await options.openWorkspace() : undefined;
    for (const item of removed) {
      if (item.type === 'layer') await workspace?.remove(item.path);
      else rmSync(item.path, { recursive: true, force: true });
      if (item.type === 'disk') rmSync(`${item.path}.json`, { force: true });
    }
    forgetRecords(layout, layers);
  }
  return { removed, kept: items.length - removed.length, freed: removed.reduce((sum, item) => sum + item.size, 0) };
}

/** Records whose layer is gone are misses already; deleting them keeps the store small. */
function forgetRecords(layout: StoreLayout, layers: LayerStore): void {
  for (const record of listRecords(layout)) {
    if (record.output.type !== 'layer') continue;
    if (!existsSync(layers.layerDirectory(asDigest(record.output.digest)))) {
      rmSync(layout.actionFile(record.key), { force: true });
    }
  }
}

export interface VerifyOutcome {
  readonly checked: number;
  /** Layers whose content is not what their name says; removed unless `keep`. */
  readonly damaged: readonly string[];
  /** Records that named a layer which is not there; removed. */
  readonly dangling: number;
}

/** Hashes every layer again. Damaged ones are dropped, so that the next build makes them anew. */
export async function verifyStore(
  layout: StoreLayout,
  layers: LayerStore,
  workspace: Workspace,
  onProgress: (done: number, total: number, digest: string) => void,
): Promise<VerifyOutcome> {
  const digests = layers.listLayers();
  const damaged: string[] = [];
  for (const [at, digest] of digests.entries()) {
    onProgress(at, digests.length, digest);
    if ((await workspace.verify(digest)) === 'intact') continue;
    damaged.push(digest);
    await workspace.remove(layers.layerDirectory(digest));
  }
  const before = listRecords(layout).length;
  forgetRecords(layout, layers);
  return { checked: digests.length, damaged, dangling: before - listRecords(layout).length };
}

