import {
  compareLayers,
  compareViews,
  type ComparedEntry,
  type EntryAspect,
  type EntryChange,
} from '../../layers/compare-layers.ts';
import type { LayerStore } from '../../layers/layer-store.ts';
import type { ManifestIndex } from '../../layers/manifest-index.ts';
import { textOf, type ByteString } from '../../layers/manifest.ts';
import { parentOf, ViewIndex } from '../../layers/view-index.ts';
import { changedGroups, changedPackages, changedUsers, type RowChange } from './rows.ts';
import type { DiffArtifact, DiffSubject } from './subject.ts';
import { changedUnits } from './units.ts';

/** Facts of one file, folder, link or device. */
export interface FileFacts {
  readonly type: string;
  /** Four octal digits. */
  readonly mode?: string;
  readonly uid?: number;
  readonly gid?: number;
  /** Bytes, of regular files. */
  readonly size?: number;
  readonly sha256?: string;
  /** Of symbolic links. */
  readonly target?: string;
  /** Seconds since 1970. */
  readonly mtime?: number;
}

export interface FileChange {
  readonly path: string;
  readonly change: EntryChange['change'];
  readonly aspects: readonly EntryAspect[];
  readonly before?: FileFacts;
  readonly after?: FileFacts;
  /** The step that did it, or whose result is no longer there. */
  readonly step?: string;
}

/** A step whose layer differs; without `before` it is only on the second side. */
export interface StepChange {
  readonly step: string;
  readonly before?: string;
  readonly after?: string;
}

/** In what two layers or images differ: `imgpipe diff --json`. */
export interface DiffReport {
  readonly before: DiffSubject;
  readonly after: DiffSubject;
  /** Whether nothing at all differs in the trees. */
  readonly same: boolean;
  readonly steps: readonly StepChange[];
  readonly packages: readonly RowChange[];
  readonly users: readonly RowChange[];
  readonly groups: readonly RowChange[];
  readonly units: readonly RowChange[];
  readonly files: readonly FileChange[];
  /** Bytes of all regular files. */
  readonly size: { readonly before: number; readonly after: number };
  readonly artifacts: readonly {
    readonly name: string;
    readonly before?: DiffArtifact;
    readonly after?: DiffArtifact;
  }[];
}

/**
 * Compares two layers by themselves, or two images as a machine would see them. Reads manifests and a few small files.
 * @throws FailureError `store-invalid` when a layer is no longer in the store
 */
export function makeDiff(store: LayerStore, before: DiffSubject, after: DiffSubject): DiffReport {
  const old = before.layers.map(({ digest }) => digest);
  const now = after.layers.map(({ digest }) => digest);
  const partial = before.type === 'layer' && after.type === 'layer';
  const [layerBefore] = old;
  const [layerAfter] = now;
  const comparison =
    partial && layerBefore !== undefined && layerAfter !== undefined
      ? compareLayers(store, layerBefore, layerAfter)
      : compareViews(store, old, now);
  const sides = { store, before: before.layers, after: after.layers, partial };
  const stepOf = (change: EntryChange): string | undefined => causeOf(store, before, after, change);
  return {
    before,
    after,
    same: comparison.entries.length === 0,
    steps: changedSteps(before, after),
    packages: changedPackages(sides),
    users: changedUsers(sides),
    groups: changedGroups(sides),
    units: changedUnits(new ViewIndex(store, old), new ViewIndex(store, now), comparison.entries, stepOf),
    files: comparison.entries.map((change) => describe(change, stepOf(change))),
    size: comparison.size,
    artifacts: changedArtifacts(before.artifacts ?? [], after.artifacts ?? []),
  };
}

/** The step that gave what is there now, that deleted it, or, when no step deleted it, that gave it before. */
function causeOf(
  store: LayerStore,
  before: DiffSubject,
  after: DiffSubject,
  { path, before: old, after: now }: EntryChange,
): string | undefined {
  if (now !== undefined) return after.layers.findLast(({ digest }) => digest === now.layer)?.step;
  const deleting = after.layers.findLast(({ digest }) => hides(store.manifest(digest), path));
  return (deleting ?? before.layers.findLast(({ digest }) => digest === old?.layer))?.step;
}

/** Whether a layer hides what lies at a path below it. */
function hides(manifest: ManifestIndex, path: ByteString): boolean {
  for (let at = path; at !== '/'; at = parentOf(at)) {
    const entry = manifest.find(at);
    if (entry === undefined) continue;
    return entry.type !== 'directory' || entry.opaque;
  }
  return false;
}

function changedSteps(before: DiffSubject, after: DiffSubject): StepChange[] {
  const digestsOf = ({ layers }: DiffSubject): Map<string, string> =>
    new Map(layers.flatMap(({ step, digest }) => (step === undefined ? [] : [[step, digest]])));
  const old = digestsOf(before);
  const now = digestsOf(after);
  return [...new Set([...old.keys(), ...now.keys()])].flatMap((step): StepChange[] => {
    const change = { step, before: old.get(step), after: now.get(step) };
    return change.before === change.after ? [] : [change];
  });
}

function changedArtifacts(
  before: readonly DiffArtifact[],
  after: readonly DiffArtifact[],
): DiffReport['artifacts'] {
  const names = [...new Set([...before, ...after].map(({ name }) => name))];
  return names.flatMap((name) => {
    const old = before.find((artifact) => artifact.name === name);
    const now = after.find((artifact) => artifact.name === name);
    return old?.sha256 === now?.sha256 ? [] : [{ name, before: old, after: now }];
  });
}

function describe({ path, change, aspects, before, after }: EntryChange, step?: string): FileChange {
  return {
    path: textOf(path),
    change,
    aspects,
    ...(before === undefined ? {} : { before: factsOf(before) }),
    ...(after === undefined ? {} : { after: factsOf(after) }),
    ...(step === undefined ? {} : { step }),
  };
}

function factsOf({ entry }: ComparedEntry): FileFacts {
  if (entry.type === 'whiteout') return { type: entry.type };
  const { type, uid, gid, mtime } = entry;
  return {
    type,
    ...(type === 'symlink' ? {} : { mode: entry.mode.toString(8).padStart(4, '0') }),
    uid,
    gid,
    mtime,
    ...(type === 'file' ? { size: entry.size, sha256: entry.sha256 } : {}),
    ...(type === 'symlink' ? { target: textOf(entry.target) } : {}),
  };
}
