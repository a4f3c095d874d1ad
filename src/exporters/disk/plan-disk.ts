import { fail, ok, type Result } from '../../diagnostics/failure.ts';
import type { LayerStore } from '../../layers/layer-store.ts';
import type { ManifestEntry } from '../../layers/manifest.ts';
import type { DiskRequest } from '../../model/disk-request.ts';
import { asCacheKey, type CacheKey, type Digest } from '../../model/ids.ts';
import type { View } from '../../model/layer.ts';
import { canonicalJson } from '../../util/canonical-json.ts';
import { sha256Hex } from '../../util/hash.ts';
import { checkLvm, decidesLvm } from './check-lvm.ts';
import { planDelta, type DeltaPart } from './delta.ts';
import { SECTOR } from './gpt.ts';
import { COMMAND_LINE_FOLDERS, isCommandLineFile } from './kernel-arguments.ts';
import { findKernel, type Kernel } from './kernel.ts';
import { entryBytes, fitFileSystem, roundUp, type TreeSize } from './file-system-size.ts';
import { planLayout, volumesOf, type DiskLayout } from './layout.ts';
import { mergeTree, type LayerEntries, type MergedTree } from './merged-tree.ts';
import { checkMountPoints, isPatchable, treeSizes } from './mount-points.ts';
import { chooseDelta } from './split.ts';
import { volumeTooSmall } from './too-large.ts';
import { findDiskTools, type DiskTools } from './tools.ts';
import { DISK_VERSION } from './version.ts';

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
  // The tools tell their versions while this process reads manifests.
  const pending = findDiskTools(request.architecture, request.spec);
  const draft = draftDisk(request, (digest) => layers.manifest(digest).entries());
  const tools = await pending;
  if (!tools.ok) return tools;
  return draft.ok ? ok(withKeys(draft.value, tools.value)) : draft;
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
  const draft = draftDisk(request, manifestOf);
  return draft.ok ? ok(withKeys(draft.value, tools)) : draft;
}

/** A plan but for what the tools decide. */
type DraftPlan = Omit<DiskPlan, 'diskKey' | 'baseKey' | 'tools'> & {
  /** Identity of the image's files with kernel arguments, of which the boot loader in the base holds a copy. */
  readonly commandLine: unknown;
};

function draftDisk(
  request: DiskRequest,
  manifestOf: (digest: Digest) => Iterable<ManifestEntry>,
): Result<DraftPlan> {
  const manifests = request.layers.map((layer) => [...manifestOf(layer.digest)]);
  const entriesOf = (position: number): readonly ManifestEntry[] => manifests[position] ?? [];
  const { spec } = request;
  const candidates = isPatchable(spec) ? request.deltaCandidates : [];
  const chosen = new Set(chooseDelta(request.layers.length, candidates, entriesOf));
  const part = (isDelta: boolean): LayerEntries[] =>
    manifests.flatMap((entries, position) =>
      chosen.has(position) === isDelta ? [{ position, entries }] : [],
    );
  const boot = mergeTree(
    manifests.map((entries, position) => ({ position, entries: entries.filter(decidesBoot) })),
  );
  const kernel = findKernel(boot);
  if (!kernel.ok) return kernel;
  if (spec.espMount !== undefined && kernel.value.image.startsWith(`${spec.espMount}/`)) {
    return fail({
      reason: 'disk-failed',
      message: `the kernel ${kernel.value.image} lies below disk.espMount, where the boot loader does not look for it`,
      hint: 'give disk.espMount another folder, such as /boot/efi',
    });
  }
  const startable = checkLvm(boot, kernel.value, spec);
  if (!startable.ok) return startable;
  const base = mergeTree(part(false));
  const divided = checkMountPoints(base, spec);
  if (!divided.ok) return divided;
  const planned = planDelta(base, part(true));
  const delta = (spec.fileSystem ?? 'ext4') === 'ext4' ? withRootAttributes(planned, boot) : planned;
  const layers = (isDelta: boolean): View =>
    request.layers.filter((_, index) => chosen.has(index) === isDelta);
  const sizes = isPatchable(spec) ? undefined : treeSizes(base, spec);
  const rootFiles = isPatchable(spec) ? filesSize(base, delta) : undefined;
  const sizeOf = (mount: string): TreeSize =>
    (mount === '/' ? rootFiles : undefined) ?? sizes?.get(mount) ?? { bytes: 0, entries: 0 };
  const layout = planLayout(request, sizeOf);
  let needed = 0;
  for (const volume of volumesOf(layout)) {
    needed = fitFileSystem(volume.fileSystem, sizeOf(volume.mount), 0);
    if (volume.partition.sectors * SECTOR >= needed) continue;
    return fail(volumeTooSmall(layout, volume, needed));
  }
  return ok({
    request,
    baseLayers: layers(false),
    deltaLayers: layers(true),
    delta,
    layout,
    kernel: kernel.value,
    commandLine: commandLineFiles(boot, request),
    rootBytesNeeded: needed,
  });
}

/** Paths that the boot loader, the root folder and LVM depend on, with the folders above them. */
function decidesBoot({ path }: ManifestEntry): boolean {
  return (
    path.startsWith('/boot') ||
    path === '/' ||
    isCommandLineFile(path) ||
    COMMAND_LINE_FOLDERS.includes(path) ||
    decidesLvm(path)
  );
}

function withKeys({ commandLine, ...draft }: DraftPlan, tools: DiskTools): DiskPlan {
  const { request, delta, layout, kernel } = draft;
  const digests = (view: View): Digest[] => view.map((layer) => layer.digest);
  const keyOf = (record: object): CacheKey => {
    return asCacheKey(sha256Hex(canonicalJson({ version: DISK_VERSION, tools: tools.versions, record })));
  };
  const { architecture, sourceDateEpoch, spec } = request;
  const diskKey = keyOf({ ...request, layers: digests(request.layers) });
  const baseKey = keyOf({
    layers: digests(draft.baseLayers),
    maskPaths: delta.maskPaths,
    layout,
    kernel,
    kernelArgs: spec.kernelArgs,
    commandLine,
    architecture,
    sourceDateEpoch,
    serialConsole: spec.serialConsole === false ? false : undefined,
  });
  return { ...draft, diskKey, baseKey, tools };
}

/** Behind a symbolic link the command line could be any file of the image, so then every layer counts. */
function commandLineFiles(tree: MergedTree, request: DiskRequest): unknown {
  const found = [...tree.values()]
    .map(({ entry }) => entry)
    .filter(({ path }) => /^\/etc\/kernel\/cmdline/.test(path));
  if (found.some(({ type }) => type !== 'file' && type !== 'directory')) {
    return request.layers.map((layer) => layer.digest);
  }
  return found.flatMap((entry) => (entry.type === 'file' ? [[entry.path, entry.sha256]] : []));
}

/** mke2fs before 1.47.1 does not copy the root folder's attributes, later ones do: they are always patched in. */
function withRootAttributes(delta: DeltaPart, whole: MergedTree): DeltaPart {
  const root = whole.get('/')?.entry;
  if (root?.type !== 'directory') return delta;
  const { uid, gid, mtime } = root;
  const attributes = {
    type: 'set-attributes',
    path: '/',
    mode: 0o040000 | root.mode,
    uid,
    gid,
    mtime,
  } as const;
  return { ...delta, operations: [...delta.operations, attributes] };
}

function filesSize(base: MergedTree, delta: DeltaPart): TreeSize {
  let bytes = 0;
  for (const { entry } of base.values()) bytes += entryBytes(entry);
  let deltaBytes = 0;
  for (const operation of delta.operations) {
    if (operation.type === 'write-file') deltaBytes += entryBytes({ type: 'file', size: operation.size });
    if (operation.type === 'make-directory') deltaBytes += entryBytes({ type: 'directory' });
    if (operation.type === 'make-symlink')
      deltaBytes += entryBytes({ type: 'symlink', target: operation.target });
  }
  return {
    bytes: bytes + roundUp(deltaBytes, DELTA_ALLOWANCE),
    entries: base.size + roundUp(delta.operations.length, 1024),
  };
}
