import { FailureError } from '../diagnostics/failure.ts';
import type { TreeEntry } from '../model/tree-entry.ts';
import { readImageText } from './image-file.ts';
import type { LayerStore } from './layer-store.ts';
import { byteString, textOf, type ByteString } from './manifest.ts';
import { OwnerLookup } from './owners.ts';
import { describeUnresolved, resolvePath } from './resolve-path.ts';
import { parentOf, type ViewIndex } from './view-index.ts';
import type { Placement, PlacementFacts } from './workspace.ts';

/**
 * Where entries land in a view, and with which numeric owners.
 * @throws FailureError `template-invalid`: unknown owner, link circle, or a file where a folder is needed
 */
export function placeEntries(
  store: LayerStore,
  view: ViewIndex,
  entries: readonly TreeEntry[],
): PlacementFacts {
  const owners = new OwnerLookup((path) => readImageText(store, view, path));
  return { placements: entries.map((entry) => placeEntry(view, owners, entry)) };
}

function placeEntry(view: ViewIndex, owners: OwnerLookup, entry: TreeEntry): Placement {
  const resolved = resolvePath(view, byteString(entry.path), { followLast: false });
  if (resolved.type !== 'path') {
    throw new FailureError({ reason: 'template-invalid', message: describeUnresolved(entry.path, resolved) });
  }
  const path = textOf(resolved.path);
  if (entry.type === 'remove') {
    const exists = view.lookup(resolved.path) !== undefined;
    return { path, uid: 0, gid: 0, parents: exists ? existingParents(view, resolved.path) : [], exists };
  }
  return {
    path,
    uid: owners.uid(entry.owner),
    gid: owners.gid(entry.group),
    parents: existingParents(view, resolved.path),
  };
}

function existingParents(view: ViewIndex, path: ByteString): Placement['parents'] {
  const parents: Placement['parents'][number][] = [];
  for (let directory = parentOf(path); ; directory = parentOf(directory)) {
    const entry = view.lookup(directory)?.entry;
    if (entry?.type === 'directory') {
      parents.unshift({ path: textOf(directory), mode: entry.mode, uid: entry.uid, gid: entry.gid });
    }
    if (directory === '/') return parents;
  }
}
