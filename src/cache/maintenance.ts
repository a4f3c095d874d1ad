import { existsSync, rmSync } from 'node:fs';
import type { LayerStore } from '../layers/layer-store.ts';
import { SnapshotStore } from '../layers/snapshot-store.ts';
import type { Workspace } from '../layers/workspace.ts';
import { asDigest } from '../model/ids.ts';
import { isErrno } from '../util/atomic-file.ts';
import { tracePoint } from '../util/trace-point.ts';
import type { ActionRecord } from './action-record.ts';
import { dropChangedDisks } from './disk-stamp.ts';
import { listRecords, takeInventory, type StoredItem } from './inventory.ts';
import { readJournals, type Journal, type JournalRecord } from './journal.ts';
import { acquireLock } from './key-lock.ts';
import { choosePrunable, freeBytes, type PrunePolicy } from './prune.ts';
import type { StoreLayout } from './store-layout.ts';

export interface PruneOutcome {
  readonly removed: readonly StoredItem[];
  readonly kept: number;
  /** Bytes. */
  readonly freed: number;
}

export interface PruneRequest {
  readonly policy: PrunePolicy;
  /** Only says what would go. */
  readonly dryRun: boolean;
  readonly openWorkspace: () => Promise<Workspace>;
  /** The run that asks; its leases hold as any other's, but its cache mounts are no longer in use. */
  readonly ownRun?: string;
}

/**
 * Deletes what the policy does not allow to stay. What living runs have leased stays: that is looked at again before
 * each batch, under a lock that a run which leases something waits for (`leaseSafely`).
 */
export async function pruneStore(layout: StoreLayout, layers: LayerStore, request: PruneRequest): Promise<PruneOutcome> {
  const busy = livingRuns(layout).some((record) => record.runId !== request.ownRun);
  const records = listRecords(layout);
  const items = (await takeInventory(layout, layers, records)).filter((item) => item.type !== 'mount' || !busy);
  const chosen = choosePrunable(items, request.policy, leasedNow(layout), Date.now(), freeBytes(layout.root));
  const removed = request.dryRun || chosen.length === 0 ? chosen : await removeItems(layout, layers, chosen, records, request);
  return { removed, kept: items.length - removed.length, freed: removed.reduce((sum, item) => sum + item.size, 0) };
}

/** Things that leave their places under one lock: enough to be quick, few enough that a run does not wait long. */
const BATCH = 500;

async function removeItems(
  layout: StoreLayout,
  layers: LayerStore,
  chosen: readonly StoredItem[],
  records: readonly ActionRecord[],
  request: PruneRequest,
): Promise<StoredItem[]> {
  const removed: StoredItem[] = [];
  // In the workspace: layers and mounts may hold files of mapped owners.
  const isMapped = ({ type }: StoredItem): boolean => type === 'layer' || type === 'mount';
  const workspace = chosen.some(isMapped) ? await request.openWorkspace() : undefined;
  for (let at = 0; at < chosen.length; at += BATCH) {
    using _lock = await lockForPrune(layout);
    const leased = leasedNow(layout);
    const batch = chosen.slice(at, at + BATCH).filter((item) => !leased.has(item.id));
    tracePoint('prune:chosen');
    for (const item of batch) {
      // Without its record a snapshot is none, nor is a disk without its stamp, however far the deletion comes.
      if (item.type === 'snapshot') rmSync(`${item.path}/info.json`, { force: true });
      if (item.type === 'disk') rmSync(`${item.path}.json`, { force: true });
    }
    tracePoint('prune:removing');
    const mapped = batch.filter(isMapped);
    if (mapped.length > 0) await workspace?.takeAway(...mapped.map((item) => item.path));
    for (const item of batch)
      if (!isMapped(item)) rmSync(item.path, { recursive: true, force: true });
    removed.push(...batch);
  }
  tracePoint('prune:removed');
  // While what was taken away is being deleted.
  forgetRecords(layout, layers, records);
  await workspace?.settle();
  return removed;
}

/** Deletes layers that no record may lead to, but those that a living run has leased. */
export async function removeLayers(
  layout: StoreLayout,
  layers: LayerStore,
  digests: readonly string[],
  workspace: Workspace,
): Promise<void> {
  for (const digest of digests) {
    using _lock = await lockForPrune(layout);
    if (leasedNow(layout).has(digest)) continue;
    await workspace.remove(layers.layerDirectory(asDigest(digest)));
    layers.forget(asDigest(digest));
  }
}

/**
 * Leases what is about to be used, so that no prune that begins after this call deletes it, and none that is at work
 * deletes it after this call returns. What one has deleted before that is gone: look again.
 */
export async function leaseSafely(
  layout: StoreLayout,
  journal: Journal,
  names: Iterable<string>,
  signal: AbortSignal,
): Promise<void> {
  journal.lease(names);
  if (!existsSync(pruneLock(layout))) return;
  using _lock = await acquireLock(pruneLock(layout), { signal, pollMs: 10 });
}

/** On a disk so full that not even a lock fits, deleting something matters more than waiting for it. */
async function lockForPrune(layout: StoreLayout): Promise<Disposable | undefined> {
  try {
    return await acquireLock(pruneLock(layout), { signal: NEVER });
  } catch (error) {
    if (isErrno(error, 'ENOSPC', 'EDQUOT')) return undefined;
    throw error;
  }
}

const NEVER = new AbortController().signal;

const pruneLock = (layout: StoreLayout): string => layout.lockFile('prune');

function livingRuns(layout: StoreLayout): JournalRecord[] {
  return readJournals(layout).flatMap((state) => (state.alive ? [state.record] : []));
}

function leasedNow(layout: StoreLayout): Set<string> {
  return new Set(livingRuns(layout).flatMap((record) => [...record.leases, record.runId]));
}

/**
 * Records whose layer is gone are misses already; deleting them keeps the store small.
 * @returns how many it deleted
 */
function forgetRecords(layout: StoreLayout, layers: LayerStore, records: readonly ActionRecord[]): number {
  const snapshots = new SnapshotStore(layout.root);
  const isDangling = ({ output }: ActionRecord): boolean => {
    if (output.type === 'layer') return !existsSync(layers.layerDirectory(asDigest(output.digest)));
    return output.type === 'snapshot' && !snapshots.has(asDigest(output.digest));
  };
  let forgotten = 0;
  // Each looked at right before it is deleted: another process may have made the layer again.
  for (const record of records) {
    if (!isDangling(record)) continue;
    rmSync(layout.actionFile(record.key), { force: true });
    forgotten += 1;
  }
  return forgotten;
}

export interface VerifyOutcome {
  /** How many of each sort were looked at. */
  readonly checked: { readonly layers: number; readonly states: number; readonly disks: number };
  /** Layers and states whose content is not what their name says, and disks that were touched since they were made; removed. */
  readonly damaged: readonly string[];
  /** Disks that may be whole, but nothing proves it (`DroppedDisks`); removed. */
  readonly unproven: readonly string[];
  /** Records that named a layer which is not there; removed. */
  readonly dangling: number;
}

/** Hashes every layer again and looks at every disk. Damaged ones are dropped, so that the next build makes them anew. */
export async function verifyStore(
  layout: StoreLayout,
  layers: LayerStore,
  workspace: Workspace,
  onProgress: (done: number, total: number, digest: string) => void,
): Promise<VerifyOutcome> {
  const digests = layers.listLayers();
  const disks = dropChangedDisks(layout);
  const damaged: string[] = [];
  for (const [at, digest] of digests.entries()) {
    onProgress(at, digests.length, digest);
    const verdict = await workspace.verify(digest);
    // Missing: pruned by another process since the list was taken.
    if (verdict === 'intact' || (verdict === 'missing' && !existsSync(layers.layerDirectory(digest)))) continue;
    damaged.push(digest);
    await workspace.remove(layers.layerDirectory(digest));
  }
  const snapshots = new SnapshotStore(layout.root);
  const states = snapshots.list();
  for (const digest of states) {
    onProgress(digests.length, digests.length + states.length, digest);
    if ((await snapshots.verify(digest)) !== 'damaged') continue;
    damaged.push(digest);
    await snapshots.remove(digest);
  }
  const dangling = forgetRecords(layout, layers, listRecords(layout));
  return {
    checked: { layers: digests.length, states: states.length, disks: disks.checked },
    damaged: [...damaged, ...disks.damaged],
    unproven: disks.unproven,
    dangling,
  };
}
