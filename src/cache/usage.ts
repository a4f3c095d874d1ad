import { readdirSync, statSync, utimesSync } from 'node:fs';
import { asDigest } from '../model/ids.ts';
import type { LayerStore } from '../layers/layer-store.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import type { NodeOutput } from './action-record.ts';
import type { StoreLayout } from './store-layout.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Notes that a run used these outputs, for deleting what was not used longest first. The earlier in the list, the later
 * the time that is noted (by 1 ms): of what was used together, leaves go before what they lie on.
 * @param outputs in build order
 */
export function noteUse(layers: LayerStore, layout: StoreLayout, outputs: readonly NodeOutput[], now = Date.now()): void {
  for (const [at, output] of outputs.entries()) {
    const file = useFile(layers, layout, output);
    if (file !== undefined) touch(file, now - at);
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

/** The small file whose time says when a layer or disk was last used; undefined for what is not in the store. */
function useFile(layers: LayerStore, layout: StoreLayout, output: NodeOutput): string | undefined {
  if (output.type === 'layer') return `${layers.layerDirectory(asDigest(output.digest))}/info.json`;
  return output.type === 'disk' ? `${layout.diskFile(output.diskKey)}.json` : undefined;
}

function touch(file: string, timeMs: number): void {
  try {
    utimesSync(file, timeMs / 1000, timeMs / 1000);
  } catch (error) {
    // Gone meanwhile, or a store that others own: the time of making stands.
    if (!isErrno(error, 'ENOENT', 'EACCES', 'EPERM', 'EROFS')) throw error;
  }
}
