import { FailureError } from '../diagnostics/failure.ts';
import type {
  ArchiveReference,
  ArchiveSource,
  ListedChecksum,
  LockedArchive,
  LockedRelease,
} from '../model/archive.ts';
import { fetchRelease } from '../sources/archive/fetch-release.ts';
import { contentDigest, indexPattern, releaseDate } from '../sources/archive/release-file.ts';
import { releaseFolder, withoutUser } from '../sources/archive/release-folder.ts';
import { releaseSources } from '../sources/bootstrap/resolve-release.ts';
import { listedDigest } from '../sources/medium/listed-digest.ts';
import { sha256Hex } from '../util/hash.ts';

export interface ResolveOptions {
  /** The entry there is. Where the archive holds the same, it stays, with its addresses. */
  readonly known?: LockedArchive | undefined;
  readonly now: Date;
  readonly signal: AbortSignal;
}

/**
 * Looks up what archives hold now.
 * @throws FailureError `archive-failed`, `source-failed`, `tool-missing`, `aborted`
 */
export async function resolveArchive(
  reference: ArchiveReference,
  { known, now, signal }: ResolveOptions,
): Promise<LockedArchive> {
  const { wanted, architecture } = reference;
  const resolved = now.toISOString().replace(/\.\d+Z$/, 'Z');
  if (wanted.type === 'checksum') {
    const listed = await resolveChecksum(wanted.checksum, resolved, signal);
    return known !== undefined && sameContent(known, listed) ? known : listed;
  }
  if (wanted.type === 'image') {
    const { resolveImage } = await import('./resolve-image.ts');
    return await resolveImage(wanted.image, known, { resolved, signal });
  }
  const sources =
    wanted.type === 'sources' ? wanted.sources : await releaseSources(wanted.release, architecture, signal);
  const releases = await Promise.all(
    suitesOf(sources).map(async ({ uri, suite, components }): Promise<LockedRelease> => {
      const text = await fetchRelease(uri, suite, signal);
      const date = releaseDate(text);
      if (date === undefined) throw notRelease(uri, suite);
      const content = contentDigest(text, indexPattern(suite, components, architecture));
      return {
        uri: withoutUser(uri),
        suite,
        components,
        date,
        release: `sha256:${sha256Hex(text)}`,
        content,
      };
    }),
  );
  return known !== undefined && sameContent(known, { resolved, releases }) ? known : { resolved, releases };
}

/** What a list of checksums says of a file now. @throws FailureError `source-failed` */
async function resolveChecksum(
  { list, names }: ListedChecksum,
  resolved: string,
  signal: AbortSignal,
): Promise<LockedArchive> {
  const { algorithm, hex, name } = await listedDigest(list, names, { signal, resolvePath: (path) => path });
  const digest = `${algorithm}:${hex}`;
  return {
    resolved,
    releases: [
      {
        uri: withoutUser(list),
        suite: name,
        components: [],
        date: resolved,
        release: digest,
        content: digest,
      },
    ],
  };
}

/** Whether two states lead to the same packages, wherever they were looked up. */
export function sameContent(a: LockedArchive, b: LockedArchive): boolean {
  const contents = ({ releases }: LockedArchive): string =>
    releases.map(({ suite, components, content }) => [suite, ...components, content].join(' ')).join('\n');
  return contents(a) === contents(b);
}

function suitesOf(
  sources: readonly ArchiveSource[],
): { readonly uri: string; readonly suite: string; readonly components: readonly string[] }[] {
  return sources.flatMap(({ uris, suites, components }) =>
    uris.flatMap((uri) => suites.map((suite) => ({ uri, suite, components }))),
  );
}

function notRelease(uri: string, suite: string): FailureError {
  return new FailureError({
    reason: 'archive-failed',
    message: `what lies in ${withoutUser(releaseFolder(uri, suite))} is no Release file of a package archive: it has no date`,
    hint: 'Check the address and the suite.',
  });
}
