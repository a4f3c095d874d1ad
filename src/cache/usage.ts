import { readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { asDigest } from '../model/ids.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import type { NodeOutput } from './action-record.ts';
import { listPatches } from './disk-files.ts';
import type { StoreLayout } from './store-layout.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Notes that a run used these outputs, for deleting what was not used longest first. The earlier in the list, the later
 * the time that is noted (by 1 ms): of what was used together, leaves go before what they lie on.
 * @param outputs in build order
 */
export function noteUse(layers: LayerStore, layout: StoreLayout, outputs: readonly NodeOutput[], now = Date.now()): void {
  for (const [at, output] of outputs.entries()) {
    for (const file of useFiles(layers, layout, output)) touch(file, now - at);
  }
}

/**
 * As `noteUse`, for a run in which nothing ran: at most once a day for each selection of pipelines. On the other days it
 * costs one `stat`.
 * @param selection names the pipelines, so that each selection is noted by itself
 */
export function noteUseDaily(
  layers: LayerStore,
  layout: StoreLayout,
  selection: { readonly project: string; readonly pipelines: string },
  outputs: () => readonly NodeOutput[],
  now = Date.now(),
): void {
  const marker = layout.usedFile(selection.project, selection.pipelines);
  const last = statSync(marker, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  // A mark from the future was made before the clock was set back.
  if (Math.abs(now - last) < DAY_MS) return;
  noteUse(layers, layout, outputs(), now);
  try {
    writeFileAtomic(marker, '');
    utimesSync(marker, now / 1000, now / 1000);
  } catch {
    // A full or read-only disk: noted the next time.
  }
}

/** Whether any run is alive, or died: one folder listing. */
export function hasJournals(layout: StoreLayout): boolean {
  try {
    return readdirSync(layout.folder('journal')).length > 0;
  } catch {
    return false;
  }
}

/** The files whose times say when a layer or disk was last used; a patched disk uses its base. None outside the store. */
function useFiles(layers: LayerStore, layout: StoreLayout, output: NodeOutput): string[] {
  if (output.type === 'layer') return [`${layers.layerDirectory(asDigest(output.digest))}/info.json`];
  if (output.type === 'snapshot' && output.kept) return [join(layout.folder('snapshots'), hexOf(output.digest), 'info.json')];
  if (output.type !== 'disk') return [];
  const patches = listPatches(layout).filter((patch) => patch.key === output.diskKey);
  const raws = [output.diskKey, ...patches.map((patch) => patch.base)];
  return [...raws.map((key) => `${layout.diskFile(key)}.json`), ...patches.map((patch) => patch.path)];
}

const hexOf = (digest: string): string => digest.slice('sha256:'.length);

function touch(file: string, timeMs: number): void {
  try {
    utimesSync(file, timeMs / 1000, timeMs / 1000);
  } catch (error) {
    // Gone meanwhile, or a store that others own: the time of making stands.
    if (!isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'EROFS')) throw error;
  }
}
