import { fail, ok, type Failure, type Result } from '../../diagnostics/failure.ts';
import type { LayerStore } from '../../layers/layer-store.ts';
import type { ManifestEntry } from '../../layers/manifest.ts';
import type { DiskRequest } from '../../model/disk-request.ts';
import { asCacheKey, type CacheKey, type Digest } from '../../model/ids.ts';
import type { View } from '../../model/layer.ts';
import { canonicalJson } from '../../util/canonical-json.ts';
import { sha256Hex } from '../../util/hash.ts';
import { planDelta, type DeltaPart } from './delta.ts';
import { findKernel, type Kernel } from './kernel.ts';
import { entryBytes, planLayout, rootBytesNeeded, roundUp, type DiskLayout, type TreeSize } from './layout.ts';
import { mergeTree, type LayerEntries, type MergedTree } from './merged-tree.ts';
import { chooseDelta } from './split.ts';
import { findDiskTools, type DiskTools } from './tools.ts';

/** Raised whenever the same request gives other bytes than before. */
const DISK_VERSION = 1;

/** The delta's share of a fitted disk is a multiple of this, so that editing its files does not move the layout. */
const DELTA_ALLOWANCE = 16 * 2 ** 20;

/**
 * How one disk is made: bytes(disk) = patch(base part, delta part), always in these two parts, so that a rebuild
 * which finds the base in a cache gives the bytes of a build from nothing. Pure data.
 */
export interface DiskPlan {
  readonly request: DiskRequest;
  /** Key of the finished disk. */
  readonly diskKey: CacheKey;
  /** Key of the disk without the delta's files. */
  readonly baseKey: CacheKey;
  readonly baseLayers: View;
  readonly deltaLayers: View;
  readonly delta: DeltaPart;
  readonly layout: DiskLayout;
  readonly kernel: Kernel;
  readonly tools: DiskTools;
  /** What the files need in the root file system, in bytes, by the layers' manifests. */
  readonly rootBytesNeeded: number;
}

/**
 * Plans a disk from the layers of a store and the tools of this host.
 * @returns `tool-missing`, `disk-failed` without a kernel, `image-too-large` when the files cannot fit
 */
export async function planDisk(request: DiskRequest, layers: LayerStore): Promise<Result<DiskPlan>> {
  const tools = await findDiskTools(request.architecture, request.spec.firmware);
  return tools.ok ? planDiskFrom(request, (digest) => layers.manifest(digest).entries(), tools.value) : tools;
}

/**
 * Plans a disk. Pure: reads manifests, runs nothing.
 * @param manifestOf entries of a stored layer, in path order
 */
export function planDiskFrom(
  request: DiskRequest,
  manifestOf: (digest: Digest) => Iterable<ManifestEntry>,
  tools: DiskTools,
): Result<DiskPlan> {
  const manifests = new Map<number, readonly ManifestEntry[]>();
  const entriesOf = (position: number): readonly ManifestEntry[] => {
    const known = manifests.get(position) ?? [...manifestOf(layerAt(request.layers, position).digest)];
    manifests.set(position, known);
    return known;
  };
  const chosen = new Set(chooseDelta(request.layers.length, request.deltaCandidates, entriesOf));
  const positions = request.layers.map((_, position) => position);
  const part = (isDelta: boolean): LayerEntries[] =>
    positions
      .filter((position) => chosen.has(position) === isDelta)
      .map((position) => ({ position, entries: entriesOf(position) }));
  const whole = mergeTree(positions.map((position) => ({ position, entries: entriesOf(position) })));
  const kernel = findKernel(whole);
  if (!kernel.ok) return kernel;
  const base = mergeTree(part(false));
  const delta = withRootAttributes(planDelta(base, part(true)), whole);
  const layers = (isDelta: boolean): View => request.layers.filter((_, index) => chosen.has(index) === isDelta);
  const files = filesSize(base, delta);
  const layout = planLayout(request, files);
  const needed = rootBytesNeeded(files);
  if (layout.root.sectors * 512 < needed) return fail(tooLarge(layout.size, needed - layout.root.sectors * 512));
  return ok({
    request,
    diskKey: keyFrom({ ...request, layers: request.layers.map((layer) => layer.digest) }, tools),
    baseKey: keyFrom(
      {
        layers: layers(false).map((layer) => layer.digest),
        maskPaths: delta.maskPaths,
        layout,
        kernel: kernel.value,
        kernelArgs: request.spec.kernelArgs,
        commandLine: commandLineFile(whole, request),
        architecture: request.architecture,
        sourceDateEpoch: request.sourceDateEpoch,
      },
      tools,
    ),
    baseLayers: layers(false),
    deltaLayers: layers(true),
    delta,
    layout,
    kernel: kernel.value,
    tools,
    rootBytesNeeded: needed,
  });
}

export function tooLarge(size: number, missing?: number): Failure {
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  const by = missing === undefined ? '' : ` by about ${mebibytes(missing)}`;
  return {
    reason: 'image-too-large',
    message: `the image's files do not fit a disk of ${mebibytes(size)}${by}`,
    hint: 'give disk.size a larger value, or "fit" to take what the files need',
  };
}

function keyFrom(record: object, tools: DiskTools): CacheKey {
  return asCacheKey(sha256Hex(canonicalJson({ version: DISK_VERSION, tools: tools.versions, record })));
}

/**
 * Identity of the image's /etc/kernel/cmdline, which the boot loader in the base holds a copy of. Behind a symbolic
 * link it could be any file of the image, so then every layer counts.
 */
function commandLineFile(tree: MergedTree, request: DiskRequest): unknown {
  const entry = tree.get('/etc/kernel/cmdline')?.entry;
  if (entry?.type === 'file') return entry.sha256;
  return entry === undefined ? null : request.layers.map((layer) => layer.digest);
}

/** mke2fs before 1.47.1 does not copy the root folder's attributes, later ones do: they are always patched in. */
function withRootAttributes(delta: DeltaPart, whole: MergedTree): DeltaPart {
  const root = whole.get('/')?.entry;
  if (root?.type !== 'directory') return delta;
  const { uid, gid, mtime } = root;
  const attributes = { type: 'set-attributes', path: '/', mode: 0o040000 | root.mode, uid, gid, mtime } as const;
  return { ...delta, operations: [...delta.operations, attributes] };
}

function filesSize(base: MergedTree, delta: DeltaPart): TreeSize {
  let bytes = 0;
  for (const { entry } of base.values()) bytes += entryBytes(entry);
  let deltaBytes = 0;
  for (const operation of delta.operations) {
    if (operation.type === 'write-file') deltaBytes += entryBytes({ type: 'file', size: operation.size });
    if (operation.type === 'make-directory') deltaBytes += entryBytes({ type: 'directory' });
    if (operation.type === 'make-symlink') deltaBytes += entryBytes({ type: 'symlink', target: operation.target });
  }
  return { bytes: bytes + roundUp(deltaBytes, DELTA_ALLOWANCE), entries: base.size + roundUp(delta.operations.length, 1024) };
}

function layerAt(layers: View, position: number): View[number] {
  const layer = layers[position];
  if (layer === undefined) throw new Error(`no layer at position ${position}`);
  return layer;
}
