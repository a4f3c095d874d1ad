import { renameSync, rmSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { NodeOutput } from '../cache/action-record.ts';
import { isStamped, stampDisk } from '../cache/disk-stamp.ts';
import { acquireLock } from '../cache/key-lock.ts';
import { leaseSafely } from '../cache/maintenance.ts';
import type { StoreLayout } from '../cache/store-layout.ts';
import { unwrap, type Result } from '../diagnostics/failure.ts';
import { buildDisk, buildDiskBase } from '../exporters/disk/build-disk.ts';
import { planDisk } from '../exporters/disk/plan-disk.ts';
import type { GraphNode } from '../model/graph.ts';
import { tracePoint } from '../util/trace-point.ts';
import type { NodeScope } from './node-scope.ts';
import type { ExecutorServices } from './services.ts';

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
  await leaseSafely(layout, services.journal, [plan.diskKey, plan.baseKey], scope.signal);
  const workspace = await services.workspace();
  const options = {
    workspace,
    scratch: scope.scratch,
    signal: scope.signal,
    log: scope.log,
    progress: scope.progress,
  };
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
  const path = layout.diskFile(key);
  if (isStamped(path)) return;
  using _lock = await acquireLock(layout.lockFile(`disk-${key}`), { signal: scope.signal });
  if (isStamped(path)) return;
  const temporary = `${path}.tmp-${process.pid}`;
  await mkdir(layout.folder('disks'), { recursive: true });
  try {
    unwrap(await build(temporary));
    scope.signal.throwIfAborted();
    tracePoint('disk:built');
    renameSync(temporary, path);
    tracePoint('disk:renamed');
    stampDisk(path);
    tracePoint('disk:stamped');
  } finally {
    rmSync(temporary, { force: true });
  }
}
