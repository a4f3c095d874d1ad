import { readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { z } from 'zod';
import type { NodeOutput } from '../cache/action-record.ts';
import { acquireLock } from '../cache/key-lock.ts';
import type { StoreLayout } from '../cache/store-layout.ts';
import { unwrap, type Result } from '../diagnostics/failure.ts';
import { buildDisk, buildDiskBase } from '../exporters/disk/build-disk.ts';
import { planDisk } from '../exporters/disk/plan-disk.ts';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { currentBootId } from '../util/process-identity.ts';
import type { GraphNode } from '../model/graph.ts';
import type { NodeScope } from './node-scope.ts';
import type { ExecutorServices } from './services.ts';

const stampSchema = z.object({ bootId: z.string(), size: z.number() });

/** Builds the raw disk of a pipeline into the store, from the cached base where there is one. */
export async function makeDisk(
  node: GraphNode & { role: 'disk' },
  scope: NodeScope,
  services: ExecutorServices,
): Promise<NodeOutput> {
  const disk = await ensureDisk(node, scope, services);
  return { type: 'disk', diskKey: disk.key, size: disk.size };
}

/** A finished raw disk in the store. */
export interface DiskFile {
  readonly key: string;
  readonly path: string;
  /** Bytes, holes included. */
  readonly size: number;
}

/** The disk of a node, built when the store does not hold it (any more). Never written to afterwards. */
export async function ensureDisk(
  node: GraphNode & { role: 'disk' },
  scope: NodeScope,
  services: ExecutorServices,
): Promise<DiskFile> {
  const { layout } = services;
  const plan = unwrap(await planDisk(services.prober.diskRequest(node), services.layers));
  const path = layout.diskFile(plan.diskKey);
  services.journal.lease([plan.diskKey, plan.baseKey]);
  const workspace = await services.workspace();
  const options = { workspace, scratch: scope.scratch, signal: scope.signal, log: scope.log, progress: scope.progress };
  await once(plan.diskKey, scope, layout, async (diskOutput) => {
    const basePath = layout.diskFile(plan.baseKey);
    await once(plan.baseKey, scope, layout, (outputPath) => buildDiskBase(plan, { ...options, outputPath }));
    return await buildDisk(plan, { ...options, basePath, outputPath: diskOutput });
  });
  return { key: plan.diskKey, path, size: statSync(path).size };
}

/** Builds a file of the store unless it is there, one process at a time; it gets its name when it is whole. */
async function once(
  key: string,
  scope: NodeScope,
  layout: StoreLayout,
  build: (outputPath: string) => Promise<Result<void>>,
): Promise<void> {
  if (isBuilt(layout, key)) return;
  using _lock = await acquireLock(layout.lockFile(`disk-${key}`), { signal: scope.signal });
  if (isBuilt(layout, key)) return;
  const path = layout.diskFile(key);
  const temporary = `${path}.tmp-${process.pid}`;
  await mkdir(layout.folder('disks'), { recursive: true });
  try {
    unwrap(await build(temporary));
    scope.signal.throwIfAborted();
    renameSync(temporary, path);
    writeFileAtomic(`${path}.json`, JSON.stringify({ bootId: currentBootId(), size: statSync(path).size }));
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A file written before the last boot may lack bytes that a power cut took; building it again is cheap. */
function isBuilt(layout: StoreLayout, key: string): boolean {
  const path = layout.diskFile(key);
  try {
    const stamp = stampSchema.parse(JSON.parse(readFileSync(`${path}.json`, 'utf8')));
    return stamp.bootId === currentBootId() && statSync(path).size === stamp.size;
  } catch {
    return false;
  }
}
