import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, statSync, type BigIntStats } from 'node:fs';
import { writeFileAtomic } from '../util/atomic-file.ts';
import { openSealedJson, sealJson, type SealFormat } from '../util/sealed-json.ts';

/** By path: the file as the kernel described it when its content was hashed, and the content's digest. */
type Entries = Record<string, readonly [string, string]>;

const FORMAT: SealFormat<Entries> = 'imgpipe-stat-cache-1';

/**
 * How close to the moment of hashing a file may have been changed for its times to be trusted: within one tick of the
 * kernel's clock a second change would not show. Same reasoning as git's "racily clean" entries.
 */
const RACY_NS = 50_000_000n;

/** The same where the file system keeps whole seconds (older NFS, HFS+), or every second one (FAT). */
const RACY_COARSE_NS = 3_000_000_000n;
const SECOND_NS = 1_000_000_000n;

/**
 * Whether a file changed at `changedNs` may have been changed once more after it was read without its times showing it.
 * @param beforeNs time before it was read; both in ns since 1970
 */
export function isRacy(changedNs: bigint, beforeNs: bigint): boolean {
  return beforeNs - changedNs < (changedNs % SECOND_NS === 0n ? RACY_COARSE_NS : RACY_NS);
}

/**
 * Remembers content digests by fingerprint (path, size, times, inode), so that a warm build reads no input file.
 * The fingerprint decides only whether to read again; identity is always SHA-256 of the content.
 */
export class StatCache {
  readonly #file: string;
  #entries: Map<string, readonly [string, string]> | undefined;
  #changed = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** The digest remembered for this path if nothing about the file has changed since. */
  get(path: string, fingerprint: string): string | undefined {
    const entry = this.#load().get(path);
    return entry?.[0] === fingerprint ? entry[1] : undefined;
  }

  /**
   * @param newestNs newest change time among the files behind the fingerprint, in ns since 1970
   * @param beforeNs time before the content was read, likewise
   */
  set(path: string, fingerprint: string, digest: string, newestNs: bigint, beforeNs: bigint): void {
    if (isRacy(newestNs, beforeNs)) return;
    this.#load().set(path, [fingerprint, digest]);
    this.#changed = true;
  }

  /** Writes the cache when something was added. Losing it costs time only, so a failure to write is ignored. */
  save(): void {
    if (!this.#changed || this.#entries === undefined) return;
    try {
      writeFileAtomic(this.#file, sealJson(FORMAT, Object.fromEntries(this.#entries)));
      this.#changed = false;
    } catch {
      // A full or read-only disk: the next build hashes again.
    }
  }

  #read(): Entries | undefined {
    try {
      return openSealedJson(FORMAT, readFileSync(this.#file, 'utf8'));
    } catch {
      // None yet.
      return undefined;
    }
  }

  #load(): Map<string, readonly [string, string]> {
    if (this.#entries !== undefined) return this.#entries;
    this.#entries = new Map(Object.entries(this.#read() ?? {}));
    return this.#entries;
  }
}

/** All that the kernel knows of a file which changes when its content may have: one stat, no read. */
export function fingerprintOf(stat: BigIntStats): string {
  return `${fingerprintWithin(stat)}.${stat.dev.toString(36)}`;
}

/** What a fingerprint of a whole folder begins with. */
const TREE = 'tree:';
const SLASH = Buffer.from('/');

/** Fingerprint of a file, or of a folder with everything in it: one lstat for each. */
export function fingerprintOfPath(path: string): string {
  const stat = statSync(path, { bigint: true });
  if (!stat.isDirectory()) return fingerprintOf(stat);
  const hash = createHash('sha256');
  const walk = (folder: Buffer): void => {
    for (const name of readdirSync(folder, { encoding: 'buffer' }).toSorted((a, b) => a.compare(b))) {
      const entry = Buffer.concat([folder, SLASH, name]);
      const found = lstatSync(entry, { bigint: true });
      hash.update(name).update(`\0${fingerprintOf(found)}\0`);
      if (found.isDirectory()) walk(entry);
    }
  };
  walk(Buffer.from(path));
  return `${TREE}${fingerprintOf(stat)}:${hash.digest('hex')}`;
}

/** Whether a path has a fingerprint still: that of `fingerprintOf` or of `fingerprintOfPath`. */
export function hasFingerprint(path: string, stat: BigIntStats, fingerprint: string): boolean {
  if (!fingerprint.startsWith(TREE)) return fingerprintOf(stat) === fingerprint;
  // The folder itself is looked at first.
  const own = `${TREE}${fingerprintOf(stat)}:`;
  return fingerprint.startsWith(own) && fingerprintOfPath(path) === fingerprint;
}

/** As `fingerprintOf`, for files that stay on one file system: it may be mounted by another device number again. */
export function fingerprintWithin(stat: BigIntStats): string {
  return [stat.mode, stat.size, stat.mtimeNs, stat.ctimeNs, stat.ino].map((part) => part.toString(36)).join('.');
}

/** Whether two results of `fingerprintWithin` speak of the same file, changed or not, rather than of a copy. */
export function isSameInode(a: string, b: string): boolean {
  return a.slice(a.lastIndexOf('.')) === b.slice(b.lastIndexOf('.'));
}
