import type { LockedArchive, LockedRelease } from '../../model/archive.ts';
import type { AptSource } from './apt-sources.ts';
import type { Archive } from './choose-archive.ts';
import { KEYRINGS } from './releases.ts';

/** Where a bootstrap in a locked state downloads from, and what its image names. */
export interface LockedSources {
  /** With the host's keyrings; undefined leaves the choice to mmdebstrap. */
  readonly download: readonly AptSource[] | undefined;
  readonly image: readonly AptSource[] | undefined;
  /** The locked state at the addresses of `download`. */
  readonly releases: readonly LockedRelease[];
}

/**
 * The image names the addresses of the lock, which are in the key; the download takes this host's own for the same
 * suites, as their content must be the same.
 * @param locked undefined: nothing is locked, and both are what `archive` says
 */
export function lockSources(
  archive: Archive,
  locked: readonly LockedArchive[] | undefined,
  mirrorsGiven: boolean,
): LockedSources {
  const { sources } = archive;
  const releases = locked?.flatMap((one) => one.releases) ?? [];
  if (releases.length === 0) return { download: sources, image: sources, releases: [] };
  const image = mirrorsGiven ? (sources ?? []) : grouped(releases, keyringOf(archive));
  const own = sources === undefined || mirrorsGiven ? sources : only(sources, releases);
  const download = own ?? image;
  return { download, image, releases: atAddresses(download, releases) };
}

function keyringOf({ ownKeyring, distribution }: Archive): string | undefined {
  return ownKeyring ?? (distribution && KEYRINGS[distribution].path);
}

/** Releases as entries of sources.list; those of one address and the same components in one. */
function grouped(releases: readonly LockedRelease[], signedBy: string | undefined): AptSource[] {
  const groups = Map.groupBy(releases, ({ uri, components }) => [uri, ...components].join(' '));
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const suites = [first, ...others].map(({ suite }) => suite);
    const { uri, components } = first;
    return [{ uris: [uri], suites, components, ...(signedBy === undefined ? {} : { signedBy }) }];
  });
}

/** The entries for the locked suites alone; undefined when there is none for one of them. */
function only(sources: readonly AptSource[], releases: readonly LockedRelease[]): AptSource[] | undefined {
  const wanted = new Set(releases.map(({ suite }) => suite));
  const kept = sources.flatMap((source): AptSource[] => {
    const suites = source.suites.filter((suite) => wanted.has(suite));
    return suites.length === 0 ? [] : [{ ...source, suites }];
  });
  const found = new Set(kept.flatMap(({ suites }) => suites));
  return [...wanted].every((suite) => found.has(suite)) ? kept : undefined;
}

function atAddresses(sources: readonly AptSource[], releases: readonly LockedRelease[]): LockedRelease[] {
  return sources.flatMap(({ uris, suites }) =>
    uris.flatMap((uri) =>
      suites.flatMap((suite) => {
        const exact = releases.find((one) => one.suite === suite && one.uri === uri);
        const locked = exact ?? releases.find((one) => one.suite === suite);
        return locked === undefined ? [] : [{ ...locked, uri }];
      }),
    ),
  );
}
