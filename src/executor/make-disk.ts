import { renameSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { NodeOutput } from '../cache/action-record.ts';
import { keyOf } from '../cache/key-inputs.ts';
import { forgetDisk } from '../cache/disk-files.ts';
import { readDiskPatch, writeDiskPatch } from '../cache/disk-patch.ts';
import { readStampedData, stampDisk } from '../cache/disk-stamp.ts';
import { acquireLock } from '../cache/key-lock.ts';
import { leaseSafely } from '../cache/maintenance.ts';
import type { StoreLayout } from '../cache/store-layout.ts';
import { unwrap, type Result } from '../diagnostics/failure.ts';
import { dataOf, type DiskImage } from '../exporters/disk-image.ts';
import { buildDisk, buildDiskBase, type DiskBuildContext } from '../exporters/disk/build-disk.ts';
import { scanData } from '../exporters/disk/data-map.ts';
import { materialiseDisk } from '../exporters/disk/materialise.ts';
import { planDisk, type DiskPlan } from '../exporters/disk/plan-disk.ts';
import { makeDiskPatch } from '../exporters/disk/sparse-patch.ts';
import type { GraphNode } from '../model/graph.ts';
import type { NodeId } from '../model/ids.ts';
import type { ByteRange } from '../util/byte-ranges.ts';
import { removeQuietly } from '../util/remove-quietly.ts';
import { temporaryName } from '../util/temporary-name.ts';
import { tracePoint } from '../util/trace-point.ts';
import type { Machines } from './machines.ts';
import type { NodeScope } from './node-scope.ts';
import type { ExecutorServices } from './services.ts';

/** Builds the disk of a pipeline into the store, from the cached base where there is one. */
export async function makeDisk(
  node: GraphNode & { role: 'disk' },
  scope: NodeScope,
  services: ExecutorServices,
  machines: Machines,
): Promise<NodeOutput> {
  const disk = await ensureDisk(node, scope, services, machines);
  return { type: 'disk', diskKey: disk.key, size: disk.image.size };
}

/** A finished disk in the store. Nothing of it is written to afterwards. */
export interface DiskFile {
  readonly key: string;
  readonly image: DiskImage;
  /** Path of the disk as one raw file, made when the store has none. */
  readonly materialise: (scope: NodeScope) => Promise<string>;
}

/** Disks that a run has made or found. They are leased, so they stay as long as the run lives. */
const disksOfRuns = new WeakMap<ExecutorServices, Map<NodeId, DiskFile>>();

/** The disk of a node, built when the store does not hold it (any more). Planned once in a run, for all its exports. */
export async function ensureDisk(
  node: GraphNode & { role: 'disk' },
  scope: NodeScope,
  services: ExecutorServices,
  machines: Machines,
): Promise<DiskFile> {
  const disks = disksOfRuns.get(services) ?? new Map<NodeId, DiskFile>();
  disksOfRuns.set(services, disks);
  const disk =
    disks.get(node.id) ??
    (await (node.seal === undefined
      ? findOrFlattenDisk(node, scope, services, machines)
      : findOrBuildDisk(node, scope, services)));
  disks.set(node.id, disk);
  return disk;
}

async function findOrBuildDisk(
  node: GraphNode & { role: 'disk' },
  scope: NodeScope,
  services: ExecutorServices,
): Promise<DiskFile> {
  const { layout } = services;
  const plan = unwrap(await planDisk(services.prober.diskRequest(node), services.layers));
  await leaseSafely(layout, services.journal, [plan.diskKey, plan.baseKey], scope.signal);
  forgetUnusedDisk(node, plan, services);
  const workspace = await services.workspace();
  const contextOf = ({ scratch, signal, log, progress }: NodeScope): StoreContext => {
    return { workspace, layout, scratch, signal, log, progress };
  };
  const image = await ensureImage(plan, contextOf(scope));
  const materialise = async (user: NodeScope): Promise<string> => {
    if (image.patch.length === 0) return image.basePath;
    const context = contextOf(user);
    const build = (outputPath: string): Promise<Result<void>> => materialiseDisk(image, outputPath, context);
    await ensureRaw(plan.diskKey, context, build, () => Promise.resolve(dataOf(image)));
    return layout.diskFile(plan.diskKey);
  };
  return { key: plan.diskKey, image, materialise };
}

/** Bases that a run without the cache has begun anew: pipelines that share one build it once. */
const begunAnew = new WeakMap<ExecutorServices, Set<string>>();

/** With `--no-cache` a disk file of an equal key is no more used than a record is. */
function forgetUnusedDisk(node: GraphNode, plan: DiskPlan, services: ExecutorServices): void {
  const { layout, prober, runId, sink } = services;
  if (!prober.skipsCache) return;
  const begun = begunAnew.get(services) ?? new Set<string>();
  begunAnew.set(services, begun);
  if (begun.has(plan.baseKey)) return;
  begun.add(plan.baseKey);
  if (forgetDisk(layout, { key: plan.diskKey, base: plan.baseKey }, runId)) return;
  const message = 'another run uses the disk that the cache has, so it is not built anew';
  sink.emit({ type: 'notice', level: 'warning', message, id: node.id });
}

/** The disk of a builder's machine, as its last snapshot holds it. */
async function findOrFlattenDisk(
  node: GraphNode & { role: 'disk' },
  scope: NodeScope,
  services: ExecutorServices,
  machines: Machines,
): Promise<DiskFile> {
  const { layout, journal, prober } = services;
  const { scratch, signal, log, progress } = scope;
  const key = keyOf(prober.inputs(node));
  await leaseSafely(layout, journal, [key], signal);
  const context = { workspace: await services.workspace(), layout, scratch, signal, log, progress };
  const write = async (outputPath: string): Promise<Result<void>> => {
    await machines.writeDisk(node, outputPath, scope);
    return { ok: true, value: undefined };
  };
  const basePath = layout.diskFile(key);
  const baseData = await ensureRaw(key, context, write, (path) => scanData(context, path));
  const image = { size: statSync(basePath).size, basePath, baseData, patch: [] };
  return { key, image, materialise: () => Promise.resolve(basePath) };
}

type StoreContext = Omit<DiskBuildContext, 'outputPath'> & { readonly layout: StoreLayout };

/** A disk is kept as a patch of its base, or as a file of its own where it could only be made that way. */
async function ensureImage(plan: DiskPlan, context: StoreContext): Promise<DiskImage> {
  const { layout, signal } = context;
  const { size } = plan.layout;
  const basePath = layout.diskFile(plan.baseKey);
  const patchPath = layout.patchFile(plan.diskKey, plan.baseKey);
  const build = (outputPath: string): Promise<Result<void>> =>
    buildDiskBase(plan, { ...context, outputPath });
  const scan = (path: string): Promise<readonly ByteRange[]> => scanData(context, path);
  const base = (): Promise<readonly ByteRange[]> => ensureRaw(plan.baseKey, context, build, scan);

  const known = readDiskPatch(patchPath);
  if (known !== undefined) return { size, basePath, baseData: await base(), patch: known };
  const rawPath = layout.diskFile(plan.diskKey);
  const rawData = readStampedData(rawPath);
  if (rawData !== undefined) return { size, basePath: rawPath, baseData: rawData, patch: [] };

  const baseData = await base();
  {
    using _lock = await acquireLock(layout.lockFile(`patch-${plan.diskKey}`), { signal });
    const patch = readDiskPatch(patchPath) ?? unwrap(await makeDiskPatch(plan, { ...context, basePath }));
    signal.throwIfAborted();
    if (patch !== undefined) {
      writeDiskPatch(patchPath, patch);
      tracePoint('disk:patched');
      return { size, basePath, baseData, patch };
    }
  }
  const copy = (outputPath: string): Promise<Result<void>> =>
    buildDisk(plan, { ...context, basePath, outputPath });
  return { size, basePath: rawPath, baseData: await ensureRaw(plan.diskKey, context, copy, scan), patch: [] };
}

/** Builds a raw file of the store unless it is there, one process at a time; it gets its name when it is whole. */
async function ensureRaw(
  key: string,
  { layout, signal }: StoreContext,
  build: (outputPath: string) => Promise<Result<void>>,
  dataOfFile: (path: string) => Promise<readonly ByteRange[]>,
): Promise<readonly ByteRange[]> {
  const path = layout.diskFile(key);
  const stamped = readStampedData(path);
  if (stamped !== undefined) return stamped;
  using _lock = await acquireLock(layout.lockFile(`disk-${key}`), { signal });
  const meanwhile = readStampedData(path);
  if (meanwhile !== undefined) return meanwhile;
  const temporary = temporaryName(path);
  await mkdir(layout.folder('disks'), { recursive: true });
  try {
    unwrap(await build(temporary));
    const data = await dataOfFile(temporary);
    signal.throwIfAborted();
    tracePoint('disk:built');
    renameSync(temporary, path);
    tracePoint('disk:renamed');
    stampDisk(path, data);
    tracePoint('disk:stamped');
    return data;
  } finally {
    removeQuietly(temporary);
  }
}
