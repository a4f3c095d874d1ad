import { formatEntry, type ByteString, type ManifestEntry } from '../../manifest.ts';
import { parentOf, type ViewIndex } from '../../view-index.ts';
import type { DescribedEntry } from './describe-tree.ts';

export interface ChangeRules {
  /** What lies below; undefined: unknown or nothing, so all is a change. */
  readonly below: ViewIndex | undefined;
  readonly dropped: (path: ByteString) => boolean;
  /** Files that the sandbox put there, as `contentId` gives them. */
  readonly shim: ReadonlySet<string>;
}

/**
 * Which entries of an overlay's upper tree are changes that mean something, given in canonical form: copies that
 * changed nothing, whiteouts of nothing, folders that were only touched, volatile paths and the sandbox's own files
 * are left out; `opaque` stays only where it hides something.
 * @param changes every folder before what it holds
 */
export function selectChanges(changes: readonly DescribedEntry[], rules: ChangeRules): ManifestEntry[] {
  const links = groupLinks(changes.filter(({ entry }) => !rules.dropped(entry.path)));
  const hiding = new Set<ByteString>();
  const candidates: { entry: ManifestEntry; meaningful: boolean }[] = [];
  for (const { entry, inode } of changes) {
    const hidden = entry.path !== '/' && hiding.has(parentOf(entry.path));
    const lower = hidden ? undefined : rules.below?.lookupFile(entry.path)?.entry;
    if (entry.type === 'directory') {
      if (hidden || entry.opaque) hiding.add(entry.path);
      const opaque = entry.opaque && (rules.below === undefined || lower?.type === 'directory');
      const canonical = { ...entry, opaque };
      const changed = opaque || lower?.type !== 'directory' || !sameFolder(canonical, lower);
      candidates.push({ entry: canonical, meaningful: changed && (opaque || !rules.dropped(entry.path)) });
    } else if (entry.type === 'whiteout') {
      candidates.push({ entry, meaningful: rules.below === undefined || lower !== undefined });
    } else {
      const names = inode === undefined ? [entry] : (links.get(inode) ?? [entry]);
      const unchanged = !hidden && rules.below !== undefined && sameFile(names, rules.below);
      const meaningful = !rules.dropped(entry.path) && !unchanged && !rules.shim.has(contentId(entry));
      const first = names[0] ?? entry;
      const canonical =
        first.path === entry.path
          ? entry
          : { type: 'hard-link' as const, path: entry.path, target: first.path };
      candidates.push({ entry: canonical, meaningful });
    }
  }
  return keepNeededFolders(candidates).toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Path and content of a file; other attributes of the sandbox's files may be touched without meaning. */
export function contentId(entry: ManifestEntry): string {
  return entry.type === 'file' ? `${entry.path} ${entry.sha256}` : '';
}

/** Names of each file with several, sorted: the first stands for the file. */
function groupLinks(changes: readonly DescribedEntry[]): Map<string, ManifestEntry[]> {
  const groups = Map.groupBy(
    changes.filter(({ inode }) => inode !== undefined),
    ({ inode }) => inode ?? '',
  );
  return new Map(
    [...groups].map(([inode, group]) => [
      inode,
      group.map(({ entry }) => entry).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
    ]),
  );
}

/** Whether all names of a file are the same file below, with the same attributes and content. */
function sameFile(names: readonly ManifestEntry[], below: ViewIndex): boolean {
  const lower = names.map(({ path }) => below.lookupFile(path));
  const first = lower[0];
  return names.every((entry, index) => {
    const other = lower[index];
    if (other === undefined || (other.entry.path !== first?.entry.path && names.length > 1)) return false;
    return (
      other.layer === first?.layer && formatEntry({ ...other.entry, path: entry.path }) === formatEntry(entry)
    );
  });
}

function sameFolder(
  a: ManifestEntry & { type: 'directory' },
  b: ManifestEntry & { type: 'directory' },
): boolean {
  return formatEntry({ ...a, mtime: 0 }) === formatEntry({ ...b, mtime: 0, opaque: a.opaque });
}

/** Meaningful entries and the folders above them; the root always. */
function keepNeededFolders(
  candidates: readonly { entry: ManifestEntry; meaningful: boolean }[],
): ManifestEntry[] {
  const needed = new Set<ByteString>(['/']);
  const kept: ManifestEntry[] = [];
  for (const { entry, meaningful } of candidates.toReversed()) {
    if (!meaningful && !needed.has(entry.path)) continue;
    kept.push(entry);
    if (entry.path !== '/') needed.add(parentOf(entry.path));
  }
  return kept;
}
