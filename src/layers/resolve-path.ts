import { textOf, type ByteString } from './manifest.ts';
import { join, parentOf } from './view-index.ts';

/** As the kernel's own limit (path_resolution(7)). */
const MOST_LINKS = 40;

/** A tree of an image in which paths are followed: a view, or a folder on disk. */
export interface PathTree {
  /** What lies at a real path, without following it. */
  lookup(
    path: ByteString,
  ): { readonly entry: { readonly type: string; readonly target?: ByteString } } | undefined;
  isDirectory(path: ByteString): boolean;
}

export type Resolved =
  /** `path` is real; it or some of its last parts need not exist. */
  | { readonly type: 'path'; readonly path: ByteString }
  /** Symbolic links lead in a circle. */
  | { readonly type: 'loop'; readonly at: ByteString }
  /** Something on the way exists and is no folder. */
  | { readonly type: 'not-a-directory'; readonly at: ByteString };

/**
 * Follows the symbolic links of an image in `path` as a process inside it would, so nothing escapes its root: `..` at
 * the root stays there and absolute targets start from it.
 * @param options.followLast whether a link in the last part is followed too
 */
export function resolvePath(tree: PathTree, path: ByteString, options: { followLast: boolean }): Resolved {
  const pending = path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .toReversed();
  let current: ByteString = '/';
  let missing = false;
  let links = 0;
  while (pending.length > 0) {
    const part = pending.pop() ?? '';
    if (part === '..') {
      current = parentOf(current);
      missing = !tree.isDirectory(current);
      continue;
    }
    const next = join(current, part);
    const entry = missing ? undefined : tree.lookup(next)?.entry;
    if (
      entry?.type === 'symlink' &&
      entry.target !== undefined &&
      (pending.length > 0 || options.followLast)
    ) {
      links += 1;
      if (links > MOST_LINKS) return { type: 'loop', at: next };
      if (entry.target.startsWith('/')) current = '/';
      pending.push(
        ...entry.target
          .split('/')
          .filter((name) => name !== '' && name !== '.')
          .toReversed(),
      );
      continue;
    }
    if (entry === undefined) missing = true;
    else if (entry.type !== 'directory' && pending.length > 0) return { type: 'not-a-directory', at: next };
    current = next;
  }
  return { type: 'path', path: current };
}

/** What went wrong, for a message about `path`. */
export function describeUnresolved(path: string, resolved: Exclude<Resolved, { type: 'path' }>): string {
  return resolved.type === 'loop'
    ? `${path} cannot be reached in the image: the link ${textOf(resolved.at)} leads in a circle`
    : `${path} cannot be reached in the image: ${textOf(resolved.at)} is not a folder`;
}
