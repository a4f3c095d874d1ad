import { readFileSync, statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerStore } from '../layers/layer-store.ts';
import { SnapshotStore, sizeOf } from '../layers/snapshot-store.ts';
import { parseActionRecord, type ActionRecord } from './action-record.ts';
import { listPatches } from './disk-files.ts';
import { listFolder } from './journal.ts';
import type { StoreLayout } from './store-layout.ts';

/** One thing in a store that takes space and can be deleted by itself. */
export interface StoredItem {
  readonly type: 'layer' | 'snapshot' | 'disk' | 'mount' | 'logs' | 'artifact';
  /** Layer digest, disk key, mount id, run id, or name of the folder of artifacts. */
  readonly id: string;
  /** Bytes on disk, holes not counted; for a layer the sum of its files. */
  readonly size: number;
  /** When it was last made or used, in ms since 1970. */
  readonly usedAt: number;
  /** Nodes whose records name it; empty when nothing does. */
  readonly nodes: readonly string[];
  readonly path: string;
}

/** All records of a store. Unreadable ones, and what is not ours, are left out: they count as misses. */
export function listRecords(layout: StoreLayout): ActionRecord[] {
  return listFolder(layout.folder('actions')).flatMap((prefix) =>
    listFolder(join(layout.folder('actions'), prefix)).flatMap((name) => {
      if (!name.endsWith('.json')) return [];
      try {
        const record = parseActionRecord(readFileSync(join(layout.folder('actions'), prefix, name), 'utf8'));
        return record === undefined ? [] : [record];
      } catch {
        return [];
      }
    }),
  );
}

/** Everything in a store, with its size and who made it. */
export async function takeInventory(
  layout: StoreLayout,
  layers: LayerStore,
  records: readonly ActionRecord[] = listRecords(layout),
): Promise<StoredItem[]> {
  const nodesOf = new Map<string, Set<string>>();
  for (const record of records) {
    const { output } = record;
    const name = output.type === 'layer' || output.type === 'snapshot' ? output.digest : undefined;
    const id = name ?? (record.output.type === 'disk' ? record.output.diskKey : undefined);
    if (id === undefined) continue;
    const nodes = nodesOf.get(id);
    if (nodes === undefined) nodesOf.set(id, new Set([record.node]));
    else nodes.add(record.node);
  }
  const patches = listPatches(layout);
  // A base has no record of its own: it belongs to the nodes of the disks that stand on it.
  for (const { key, base } of patches) {
    nodesOf.set(base, new Set([...(nodesOf.get(base) ?? []), ...(nodesOf.get(key) ?? [])]));
  }
  const namesOf = (id: string): string[] => [...(nodesOf.get(id) ?? [])].toSorted();
  return [
    ...layers.listLayers().flatMap((digest): StoredItem[] => {
      const info = layers.layerInfo(digest);
      const path = layers.layerDirectory(digest);
      // Half a layer is of no use to anyone: it counts as never used, so it goes first.
      if (info === undefined) return [{ type: 'layer', id: digest, size: 0, usedAt: 0, nodes: namesOf(digest), path }];
      return [{ type: 'layer', id: digest, size: info.size, usedAt: timeOf(join(path, 'info.json')), nodes: namesOf(digest), path }];
    }),
    ...listSnapshots(layout, namesOf),
    ...listFolder(layout.folder('disks')).flatMap((name): StoredItem[] => {
      const path = join(layout.folder('disks'), name);
      const info = statSync(path, { throwIfNoEntry: false });
      if (!DISK.test(name) || info === undefined) return [];
      const id = name.slice(0, -'.raw'.length);
      return [{ type: 'disk', id, size: info.blocks * 512, usedAt: timeOf(`${path}.json`), nodes: namesOf(id), path }];
    }),
    ...patches.flatMap(({ key, path }): StoredItem[] => {
      const info = statSync(path, { throwIfNoEntry: false });
      if (info === undefined) return [];
      return [{ type: 'disk', id: key, size: info.blocks * 512, usedAt: info.mtimeMs, nodes: namesOf(key), path }];
    }),
    ...(await folders('mount', layout.folder('mounts'), /^[a-z0-9][A-Za-z0-9._-]*$/)),
    ...(await folders('logs', layout.folder('logs'), RUN_ID)),
    ...(await folders('artifact', layout.folder('artifacts'), /^[0-9a-f]+$/)),
  ];
}

function listSnapshots(layout: StoreLayout, namesOf: (id: string) => readonly string[]): StoredItem[] {
  const snapshots = new SnapshotStore(layout.root);
  return snapshots.list().map((digest): StoredItem => {
    const info = snapshots.info(digest);
    const path = snapshots.folder(digest);
    const size = info === undefined ? 0 : sizeOf(info);
    // Half a snapshot is of no use to anyone: it counts as never used, so it goes first.
    const usedAt = info === undefined ? 0 : timeOf(join(path, 'info.json'));
    return { type: 'snapshot', id: digest, size, usedAt, nodes: namesOf(digest), path };
  });
}

const DISK = /^[0-9a-f]{64}\.raw$/;

/** As `newRunId` makes them; anything else in the folder of logs is not ours. */
const RUN_ID = /^\d{8}-\d{6}-[0-9a-f]{6}$/;

async function folders(type: 'mount' | 'logs' | 'artifact', root: string, names: RegExp): Promise<StoredItem[]> {
  const own = listFolder(root).filter((name) => names.test(name));
  return await Promise.all(
    own.map(async (id) => {
      const path = join(root, id);
      return { type, id, size: await sizeOfTree(path), usedAt: timeOf(path), nodes: [], path };
    }),
  );
}

async function sizeOfTree(path: string): Promise<number> {
  let size = 0;
  for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) size += await sizeOfTree(child);
    else size += await stat(child).then((info) => info.blocks * 512, () => 0);
  }
  return size;
}

function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
