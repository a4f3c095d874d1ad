import type { Digest } from '../model/ids.ts';
import { DPKG_STATUS, parseDpkgStatus, type InstalledPackages } from './debian-packages.ts';
import { readImageText } from './image-file.ts';
import type { LayerStore } from './layer-store.ts';
import { textOf, type ByteString, type ManifestEntry } from './manifest.ts';
import { ViewIndex } from './view-index.ts';
import { visibleTree } from './visible-tree.ts';

/**
 * In what two entries at one path differ. `links`: with which other names the file is shared; `hides`: whether the
 * entry hides what lies below it (a folder that became opaque).
 */
export type EntryAspect =
  | 'type'
  | 'content'
  | 'target'
  | 'device'
  | 'mode'
  | 'owner'
  | 'group'
  | 'time'
  | 'attributes'
  | 'links'
  | 'hides';

/** One side of a change: the entry, and the layer that gives it. A further name of a file has the file's own facts. */
export interface ComparedEntry {
  readonly entry: Exclude<ManifestEntry, { type: 'hard-link' }>;
  readonly layer: Digest;
}

/** One path in which two trees differ. */
export interface EntryChange {
  readonly path: ByteString;
  readonly change: 'added' | 'removed' | 'changed';
  /** Empty unless `changed`. */
  readonly aspects: readonly EntryAspect[];
  readonly before?: ComparedEntry;
  readonly after?: ComparedEntry;
}

/** One package that was installed (no `before`), removed (no `after`), or has another version. */
export interface PackageChange {
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
}

export interface TreeComparison {
  /** In byte order of their paths; empty for the same tree. */
  readonly entries: readonly EntryChange[];
  /** By name; empty also where a side has no package database. */
  readonly packages: readonly PackageChange[];
  /** Bytes of all regular files. */
  readonly size: { readonly before: number; readonly after: number };
}

/**
 * In what two layers differ, taken by themselves: whiteouts are entries like others. Reads manifests and the package
 * databases, no other content.
 * @throws FailureError `store-invalid` when a layer is missing or damaged
 */
export function compareLayers(store: LayerStore, before: Digest, after: Digest): TreeComparison {
  const entriesOf = (layer: Digest): Side =>
    new Map([...store.manifest(layer).entries()].map((entry) => [entry.path, { entry, layer }]));
  return compareSides(store, entriesOf(before), entriesOf(after), [before], [after]);
}

/**
 * In what two stacks of layers differ as a machine would see them.
 * @param before digests, bottom first; so `after`
 * @throws FailureError `store-invalid` when a layer is missing or damaged
 */
export function compareViews(
  store: LayerStore,
  before: readonly Digest[],
  after: readonly Digest[],
): TreeComparison {
  return compareSides(store, visibleTree(store, before), visibleTree(store, after), before, after);
}

interface Located {
  readonly entry: ManifestEntry;
  readonly layer: Digest;
}

type Side = ReadonlyMap<ByteString, Located>;

function compareSides(
  store: LayerStore,
  before: Side,
  after: Side,
  layersBefore: readonly Digest[],
  layersAfter: readonly Digest[],
): TreeComparison {
  const entries: EntryChange[] = [];
  for (const path of new Set([...before.keys(), ...after.keys()])) {
    const change = compareEntry(store, path, before.get(path), after.get(path));
    if (change !== undefined) entries.push(change);
  }
  const packages = [packagesOf(store, layersBefore), packagesOf(store, layersAfter)] as const;
  return {
    entries: entries.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    packages:
      packages[0] === undefined || packages[1] === undefined ? [] : comparePackages(packages[0], packages[1]),
    size: { before: sizeOf(before), after: sizeOf(after) },
  };
}

function compareEntry(
  store: LayerStore,
  path: ByteString,
  old: Located | undefined,
  now: Located | undefined,
): EntryChange | undefined {
  const before = old && ownFacts(store, old);
  const after = now && ownFacts(store, now);
  if (after === undefined) return before && { path, change: 'removed', aspects: [], before };
  if (before === undefined) return { path, change: 'added', aspects: [], after };
  const aspects = differingAspects(before.entry, after.entry);
  if (linkOf(old?.entry) !== linkOf(now?.entry)) aspects.push('links');
  return aspects.length === 0 ? undefined : { path, change: 'changed', aspects, before, after };
}

/** The entry, or for a further name of a file that file's, which lies in the same layer. */
function ownFacts(store: LayerStore, { entry, layer }: Located): ComparedEntry | undefined {
  if (entry.type !== 'hard-link') return { entry, layer };
  const file = store.manifest(layer).find(entry.target);
  return file === undefined || file.type === 'hard-link' ? undefined : { entry: file, layer };
}

function linkOf(entry: ManifestEntry | undefined): ByteString | undefined {
  return entry?.type === 'hard-link' ? entry.target : undefined;
}

function differingAspects(a: ComparedEntry['entry'], b: ComparedEntry['entry']): EntryAspect[] {
  if (a.type === 'whiteout' || b.type === 'whiteout') return a.type === b.type ? [] : ['type'];
  const aspects: EntryAspect[] = a.type === b.type ? [] : ['type'];
  const differ = (aspect: EntryAspect, differs: boolean): void => {
    if (differs) aspects.push(aspect);
  };
  if (a.type === 'file' && b.type === 'file') differ('content', a.sha256 !== b.sha256);
  if (a.type === 'symlink' && b.type === 'symlink') differ('target', a.target !== b.target);
  if (a.type === 'directory' && b.type === 'directory') differ('hides', a.opaque !== b.opaque);
  if ('major' in a && 'major' in b) differ('device', a.major !== b.major || a.minor !== b.minor);
  differ('mode', a.mode !== b.mode);
  differ('owner', a.uid !== b.uid);
  differ('group', a.gid !== b.gid);
  differ('time', a.mtime !== b.mtime);
  differ('attributes', JSON.stringify(a.xattrs) !== JSON.stringify(b.xattrs));
  return aspects;
}

/** In what two sets of packages differ, by name. */
function comparePackages(before: InstalledPackages, after: InstalledPackages): PackageChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.flatMap((name): PackageChange[] => {
    const change = { name, before: before.get(name), after: after.get(name) };
    return change.before === change.after ? [] : [change];
  });
}

/** What is installed in a stack of layers, bottom first; undefined when it has no database of dpkg. */
function packagesOf(store: LayerStore, digests: readonly Digest[]): InstalledPackages | undefined {
  const status = readImageText(store, new ViewIndex(store, digests), DPKG_STATUS);
  return status === undefined ? undefined : parseDpkgStatus(status);
}

function sizeOf(side: Side): number {
  let size = 0;
  for (const { entry } of side.values()) if (entry.type === 'file') size += entry.size;
  return size;
}

/** A change in one line: `/etc/motd changed (content, mode)`. */
export function describeChange(change: EntryChange): string {
  const aspects = change.aspects.length === 0 ? '' : ` (${change.aspects.join(', ')})`;
  return `${textOf(change.path)} ${change.change}${aspects}`;
}
