import type { Architecture } from './platform.ts';

/** Addresses of apt archives, as one entry of sources.list(5) names them. */
export interface ArchiveSource {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
}

/** A release of a distribution, wherever this host takes it from. */
export interface ArchiveRelease {
  readonly suite: string;
  readonly distribution: 'auto' | 'debian' | 'ubuntu';
  readonly components: readonly string[];
}

/** One file of a published list of checksums, such as SHA256SUMS. */
export interface ListedChecksum {
  /** Address of the list. */
  readonly list: string;
  /** Names that the file may have in it, in the order in which they are looked for. */
  readonly names: readonly string[];
}

/** An image of a registry by a name that may move. */
export interface TaggedImage {
  /** As `docker pull` takes it: `debian:bookworm-slim`. */
  readonly name: string;
  /** `linux/arm64`; undefined: the daemon's own. */
  readonly platform?: string;
  /** The docker program. */
  readonly program: string;
}

/**
 * Package archives that a node reads, as its options name them, a download whose publisher says elsewhere what it is,
 * or an image of a registry. Plain data: what they hold at a moment is looked up by
 * `name` in `imgpipe.lock`.
 */
export interface ArchiveReference {
  /** Made of the options alone, readable: `debian bookworm main (amd64)`. The same on every host. */
  readonly name: string;
  /** What the options name: addresses, or a release of which the host knows the addresses. */
  readonly wanted:
    | { readonly type: 'sources'; readonly sources: readonly ArchiveSource[] }
    | { readonly type: 'release'; readonly release: ArchiveRelease }
    | { readonly type: 'checksum'; readonly checksum: ListedChecksum }
    | { readonly type: 'image'; readonly image: TaggedImage };
  readonly architecture: Architecture;
  /** Its entry is looked up again when it is older, in milliseconds. */
  readonly freshMs?: number;
  /** Looked up in every run and written into no file: for templates of Packer, which has no such file. */
  readonly unlocked?: boolean;
}

/**
 * What one suite at one address held when it was looked up. For a listed checksum `uri` is that of the list, `suite` the
 * file's name in it, `date` when it was first seen, and both digests are the file's. For an image `uri` is its
 * repository, `suite` its tag, and both digests are those by which the registry gives it.
 */
export interface LockedRelease {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
  /** `Date` of its Release file, ISO 8601. */
  readonly date: string;
  /** `sha256:` of its InRelease file (or Release, where there is no other). */
  readonly release: string;
  /**
   * `sha256:` of what the Release file says of the indices that are read (see `releaseContent`): a Release that was only
   * signed anew, or in which other components moved, leaves it as it is.
   */
  readonly content: string;
}

/** An entry of `imgpipe.lock`. */
export interface LockedArchive {
  /** When this state was first seen, ISO 8601. */
  readonly resolved: string;
  readonly releases: readonly LockedRelease[];
}
