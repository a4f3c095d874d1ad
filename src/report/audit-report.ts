import {
  compareLayers,
  type EntryAspect,
  type EntryChange,
  type PackageChange,
} from '../layers/compare-layers.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { bytesOf, textOf } from '../layers/manifest.ts';
import type { Digest } from '../model/ids.ts';
import { isErrno } from '../util/atomic-file.ts';
import { compareBytes, type ByteDifference } from './diff/byte-difference.ts';

/** One path that two runs of a step did not make the same. */
export interface AuditDifference {
  readonly path: string;
  readonly change: EntryChange['change'];
  readonly aspects: readonly EntryAspect[];
  /** Where the contents differ; missing when this user may not read them. */
  readonly content?: ByteDifference;
}

/** Two layers that should be one. */
export interface AuditComparison {
  readonly packages: readonly PackageChange[];
  readonly files: readonly AuditDifference[];
}

/** What `imgpipe audit` found out about one step. */
export interface AuditReport {
  readonly step: string;
  /** Whether both runs gave the same layer. */
  readonly deterministic: boolean;
  /** Layers of the two runs. */
  readonly layers: readonly [string, string];
  /** In what the second run differs from the first. */
  readonly differences: AuditComparison;
  /** The layer that the cache has, when there is one, and in what the first run differs from it. */
  readonly cached?: { readonly layer: string; readonly same: boolean } & AuditComparison;
}

/** In what two layers differ, down to the bytes. */
export function auditLayers(store: LayerStore, before: Digest, after: Digest): AuditComparison {
  if (before === after) return { packages: [], files: [] };
  const { entries, packages } = compareLayers(store, before, after);
  return { packages, files: entries.map((entry) => difference(store, before, after, entry)) };
}

function difference(store: LayerStore, before: Digest, after: Digest, change: EntryChange): AuditDifference {
  const { path, aspects } = change;
  const fileOf = (layer: Digest, entry: EntryChange['before']): Buffer =>
    Buffer.concat([Buffer.from(store.treeDirectory(layer)), bytesOf(entry?.entry.path ?? path)]);
  const content = aspects.includes('content')
    ? readable(() => compareBytes(fileOf(before, change.before), fileOf(after, change.after)))
    : undefined;
  return {
    path: textOf(path),
    change: change.change,
    aspects,
    ...(content === undefined ? {} : { content }),
  };
}

/** Files of mapped owners may be closed to an ordinary user. */
function readable<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    if (isErrno(error, 'EACCES')) return undefined;
    throw error;
  }
}
