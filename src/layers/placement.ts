import { dirname } from 'node:path';
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
 * Where entries land in a view, and with which numeric owners. A folder lands where the links of the image lead it;
 * a file or a link takes the place of a link.
 * @throws FailureError `template-invalid`: unknown owner, link circle, a file where a folder is needed or the reverse, or
 * two entries that cannot both be
 */
export function placeEntries(
  store: LayerStore,
  view: ViewIndex,
  entries: readonly TreeEntry[],
): PlacementFacts {
  const owners = new OwnerLookup((path) => readImageText(store, view, path));
  const removed = new Set(entries.flatMap((entry) => (entry.type === 'remove' ? [entry.path] : [])));
  const placements = entries.map((entry) => {
    const placement = placeEntry(view, owners, entry);
    if (!removed.has(entry.path)) requireSameSort(view, entry, placement);
    return placement;
  });
  requireNoClash(entries, placements);
  return { placements };
}

/**
 * As `placeEntries`, for files that are shown on top of a view and never become a layer: each lands at its own path,
 * whatever the view has there.
 */
export function placeShim(
  store: LayerStore,
  view: ViewIndex,
  entries: readonly TreeEntry[],
): readonly Placement[] {
  const owners = new OwnerLookup((path) => readImageText(store, view, path));
  return entries.map((entry) => placeEntry(view, owners, entry, { followsFolders: false }));
}

function placeEntry(
  view: ViewIndex,
  owners: OwnerLookup,
  entry: TreeEntry,
  { followsFolders = true } = {},
): Placement {
  const followLast = entry.type === 'directory' && followsFolders;
  const resolved = resolvePath(view, byteString(entry.path), { followLast });
  if (resolved.type !== 'path') throw invalid(describeUnresolved(entry.path, resolved));
  const path = textOf(resolved.path);
  if (byteString(path) !== resolved.path)
    throw invalid(`${entry.path} cannot be written: links of the image lead to a name that is not UTF-8`);
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

/** A file over a folder would hide all that the folder holds, and a folder over a file the file. */
function requireSameSort(view: ViewIndex, entry: TreeEntry, { path }: Placement): void {
  const there = view.lookup(byteString(path))?.entry.type;
  if (entry.type === 'remove' || there === undefined) return;
  if (entry.type === 'directory' ? there === 'directory' : there !== 'directory') return;
  throw invalid(
    entry.type === 'directory'
      ? `${entry.path} cannot become a folder: the image has a file there`
      : `${entry.path} cannot become a ${entry.type === 'file' ? 'file' : 'link'}: the image has a folder there, which would be hidden with all it holds`,
    'Delete what is there with `remove: true` in a step before.',
  );
}

/** Entries land as if each path was the only one: one below a file or link of the same step would have no folder. */
function requireNoClash(entries: readonly TreeEntry[], placements: readonly Placement[]): void {
  const last = new Map<string, TreeEntry>();
  for (const [at, { path }] of placements.entries()) {
    const entry = entries[at];
    if (entry !== undefined) last.set(path, entry);
  }
  for (const [at, { path }] of placements.entries()) {
    const entry = entries[at];
    if (entry === undefined || entry.type === 'remove') continue;
    if (
      entry.type === 'directory' &&
      entries.some((other, where) => other.type === 'remove' && placements[where]?.path === path)
    )
      throw clash(entry.path, 'deletes it');
    for (let above = dirname(path); above !== '/'; above = dirname(above)) {
      const other = last.get(above);
      if (other === undefined || other.type === 'directory') continue;
      throw clash(entry.path, `${WHAT[other.type]} ${other.path}`);
    }
  }
}

function clash(path: string, does: string): FailureError {
  return invalid(
    `${path} cannot be written: the same step ${does}`,
    'Do that in a step of its own, before this one.',
  );
}

const WHAT = { file: 'writes a file at', symlink: 'makes a link at', remove: 'deletes' } as const;

function invalid(message: string, hint?: string): FailureError {
  return new FailureError({ reason: 'template-invalid', message, ...(hint === undefined ? {} : { hint }) });
}

function existingParents(view: ViewIndex, path: ByteString): Placement['parents'] {
  const parents: Placement['parents'][number][] = [];
  for (let directory = parentOf(path); ; directory = parentOf(directory)) {
    const entry = view.lookup(directory)?.entry;
    if (entry?.type === 'directory') {
      const { mode, uid, gid, xattrs } = entry;
      const attributes = xattrs.length === 0 ? {} : { xattrs };
      parents.unshift({ path: textOf(directory), mode, uid, gid, ...attributes });
    }
    if (directory === '/') return parents;
  }
}
