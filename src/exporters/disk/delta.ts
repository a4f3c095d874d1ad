import type { LayerEntries, MergedEntry, MergedTree } from './merged-tree.ts';
import { removeSubtree } from './merged-tree.ts';

/** Modes as an inode holds them, with the type's bits. */
const TYPE_BITS = { file: 0o100000, directory: 0o040000, symlink: 0o120000 } as const;

/** One thing to be written into the base file system, in the order given. Paths are plain ASCII. */
export type PatchOperation =
  | { readonly type: 'make-directory'; readonly path: string }
  | { readonly type: 'write-file'; readonly path: string; readonly size: number }
  | { readonly type: 'make-symlink'; readonly path: string; readonly target: string }
  /** Sets the attributes an inode ends with; `mode` includes the type bits. */
  | {
      readonly type: 'set-attributes';
      readonly path: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
      readonly mtime: number;
    };

export interface DeltaPart {
  /** Paths to be left out of the base file system: those that the delta replaces or deletes, topmost only, sorted. */
  readonly maskPaths: readonly string[];
  /** Modification times of the folders around the masked paths, which masking must not move. */
  readonly maskedFolders: readonly { readonly path: string; readonly mtime: number }[];
  readonly operations: readonly PatchOperation[];
}

/**
 * What it takes to turn the base part into the whole image. Takes the masked paths out of `base`.
 * @param base merged tree of the base layers; afterwards what the base file system holds
 * @param layers the delta layers, bottom first
 */
export function planDelta(base: MergedTree, layers: readonly LayerEntries[]): DeltaPart {
  const delta: MergedTree = new Map();
  const masks = new Set<string>();
  for (const { position, entries } of layers) {
    for (const entry of entries) {
      const isFolder = entry.type === 'directory';
      if (!isFolder || (delta.get(entry.path)?.entry.type ?? 'directory') !== 'directory') {
        removeSubtree(delta, entry.path);
        masks.add(entry.path);
      }
      const below = base.get(entry.path);
      if (isFolder && below !== undefined && below.entry.type !== 'directory') masks.add(entry.path);
      if (entry.type !== 'whiteout') delta.set(entry.path, { entry, layer: position });
    }
  }
  const maskPaths: string[] = [];
  for (const path of [...masks].toSorted()) {
    if (!base.has(path)) continue;
    maskPaths.push(path);
    removeSubtree(base, path);
  }
  const parents = new Set(maskPaths.map((path) => path.slice(0, path.lastIndexOf('/')) || '/'));
  const maskedFolders = [...parents].flatMap((path) => {
    const folder = base.get(path)?.entry;
    return folder?.type === 'directory' ? [{ path, mtime: folder.mtime }] : [];
  });
  return { maskPaths, maskedFolders, operations: planOperations(base, delta) };
}

/** Creates parents before children; sets the attributes last, because writing into a folder moves its time. */
function planOperations(base: MergedTree, delta: MergedTree): PatchOperation[] {
  const create: PatchOperation[] = [];
  const attributes: PatchOperation[] = [];
  for (const path of [...delta.keys()].toSorted()) {
    const added = delta.get(path);
    if (added === undefined || path === '/') continue;
    const { entry } = added;
    const existing = base.get(path);
    if (entry.type === 'directory' && existing === undefined) create.push({ type: 'make-directory', path });
    else if (entry.type === 'file') create.push({ type: 'write-file', path, size: entry.size });
    else if (entry.type === 'symlink') create.push({ type: 'make-symlink', path, target: entry.target });
    attributes.push(setAttributes(path, topmost(added, existing)));
  }
  return [...create, ...attributes];
}

/** A folder that base and delta both hold has the attributes of whichever layer is higher. */
function topmost(added: MergedEntry, existing: MergedEntry | undefined): MergedEntry['entry'] {
  return existing !== undefined && existing.layer > added.layer ? existing.entry : added.entry;
}

function setAttributes(path: string, entry: MergedEntry['entry']): PatchOperation {
  if (entry.type !== 'file' && entry.type !== 'directory' && entry.type !== 'symlink') {
    throw new Error(`a delta cannot hold ${path}, which is a ${entry.type}`);
  }
  const mode = TYPE_BITS[entry.type] | entry.mode;
  return { type: 'set-attributes', path, mode, uid: entry.uid, gid: entry.gid, mtime: entry.mtime };
}
