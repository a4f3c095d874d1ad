import type { ArchiveReference, ArchiveSource } from '../../model/archive.ts';
import type { Architecture } from '../../model/platform.ts';
import { withoutUser } from '../archive/release-folder.ts';
import type { BootstrapOptions } from '../bootstrap.ts';
import { parseOneLine, type AptSource } from './apt-sources.ts';
import { knownDistribution } from './releases.ts';

/** What `{snapshot}` in an address stands for. */
export const SNAPSHOT_PLACEHOLDER = '{snapshot}';

/** The archives of a bootstrap, as its options alone name them. */
export function bootstrapArchives(
  options: BootstrapOptions,
  { architecture }: { readonly architecture: Architecture },
): readonly ArchiveReference[] {
  const { suite, components } = options;
  const sources = mirrorSources(options);
  if (sources !== undefined) return [archivesAt(sources, architecture)];
  const distribution = options.distribution === 'auto' ? knownDistribution(suite) : options.distribution;
  const release = [distribution ?? [], suite, components].flat();
  return [
    {
      name: entryName(release, architecture),
      wanted: { type: 'release', release: { suite, distribution: options.distribution, components } },
      architecture,
    },
  ];
}

/** A reference to archives whose addresses the template names. */
export function archivesAt(sources: readonly ArchiveSource[], architecture: Architecture): ArchiveReference {
  const plain = sources.map(({ uris, suites, components }) => ({
    uris: uris.map(withoutUser),
    suites,
    components,
  }));
  const names = plain.map(({ uris, suites, components }) => [...uris, ...suites, ...components].join(' '));
  return {
    name: entryName([names.join(', ')], architecture),
    wanted: { type: 'sources', sources: plain },
    architecture,
  };
}

/** The mirrors of a bootstrap as entries of sources.list; undefined when the options name none. */
export function mirrorSources(options: BootstrapOptions): readonly AptSource[] | undefined {
  const { mirrors, suite, components, snapshot } = options;
  return mirrors?.flatMap((text): AptSource[] => {
    const mirror = snapshot === undefined ? text : text.replaceAll(SNAPSHOT_PLACEHOLDER, snapshot);
    const sources = /^deb(-src)? /.test(mirror)
      ? parseOneLine(mirror)
      : [{ uris: [mirror], suites: [suite], components }];
    // The index of a snapshot is past its date from the day on which the next one is made.
    return snapshot === undefined
      ? sources
      : sources.map((source) => ({ ...source, checkValidUntil: false }));
  });
}

/** An archive has an index for each architecture, and each moves by itself. */
function entryName(words: readonly string[], architecture: Architecture): string {
  return `${words.join(' ')} (${architecture})`;
}
