import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import type { XXHashAPI } from 'xxhash-wasm';
import { fingerprintOf, type StatCache } from '../cache/stat-cache.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { SourceRange } from '../diagnostics/source-range.ts';
import type { HostInput } from '../model/host-input.ts';
import { locateOption } from '../schema/locator.ts';
import { isErrno } from '../util/atomic-file.ts';
import { globToRegExp } from '../util/glob.ts';

/**
 * Content digest of a host file or tree, as it goes into a key: paths inside the tree, types, mode bits that land,
 * link targets and bytes; never times, owners or umask.
 * Reads no content when the stat cache knows the fingerprint.
 * @throws FailureError `input-missing`
 */
export class InputHasher {
  readonly #cache: StatCache;
  readonly #xxhash: XXHashAPI;

  constructor(cache: StatCache, xxhash: XXHashAPI) {
    this.#cache = cache;
    this.#xxhash = xxhash;
  }

  digest(input: HostInput, origin: SourceRange): string {
    try {
      const stat = statSync(input.path, { bigint: true });
      if (stat.isDirectory()) {
        if (input.type === 'file') throw missing(input, origin, 'is a folder, not a file');
        return this.#tree(input);
      }
      if (input.type === 'tree') throw missing(input, origin, 'is a file, not a folder');
      return this.#file(input.path, stat, input.modes ?? true);
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw missing(input, origin, 'does not exist', error);
      if (isErrno(error, 'EACCES', 'EPERM')) throw missing(input, origin, 'cannot be read', error);
      throw error;
    }
  }

  /** The files of an input with digests of their own; reads nothing that `digest` has read. */
  files(input: HostInput): InputFile[] {
    const stat = statSync(input.path, { bigint: true });
    const modes = input.modes ?? true;
    if (!stat.isDirectory())
      return [
        { path: '', file: input.path, size: Number(stat.size), digest: this.#file(input.path, stat, modes) },
      ];
    const excluded = (input.exclude ?? []).map(globToRegExp);
    return listTree(input.path, '', excluded).flatMap(({ path, stat: entry }) => {
      if (!entry.isFile()) return [];
      const file = join(input.path, path);
      const bits = modes ? executableBits(entry) : '';
      return [{ path, file, size: Number(entry.size), digest: `${bits}${this.#file(file, entry, false)}` }];
    });
  }

  #file(path: string, stat: BigIntStats, modes: boolean): string {
    const fingerprint = fingerprintOf(stat);
    const name = modes ? path : `content:${path}`;
    const known = this.#cache.get(name, fingerprint);
    if (known !== undefined) return known;
    const before = nowNs();
    const hash = createHash('sha256');
    if (modes) hash.update(`file ${executableBits(stat)}\n`);
    const digest = hash.update(readFileSync(path)).digest('hex');
    this.#cache.set(name, fingerprint, digest, stat.ctimeNs, before);
    return digest;
  }

  #tree(input: HostInput): string {
    const excluded = (input.exclude ?? []).map(globToRegExp);
    const files = listTree(input.path, '', excluded);
    let newest = 0n;
    const lines = files.map(({ path, stat }) => {
      if (stat.ctimeNs > newest) newest = stat.ctimeNs;
      return `${path}\0${fingerprintOf(stat)}`;
    });
    const fingerprint = this.#xxhash.h64ToString(lines.join('\n'));
    const name = `tree:${input.modes ?? true}:${(input.exclude ?? []).join('\0')}:${input.path}`;
    const known = this.#cache.get(name, fingerprint);
    if (known !== undefined) return known;
    const before = nowNs();
    const hash = createHash('sha256');
    for (const { path, stat } of files) {
      const full = join(input.path, path);
      const bits = (input.modes ?? true) ? executableBits(stat) : '';
      if (stat.isSymbolicLink()) hash.update(`link ${JSON.stringify([path, readlinkSync(full)])}\n`);
      else if (stat.isDirectory()) hash.update(`folder ${JSON.stringify(path)}\n`);
      else hash.update(`file ${bits} ${JSON.stringify(path)} ${this.#file(full, stat, false)}\n`);
    }
    const digest = hash.digest('hex');
    this.#cache.set(name, fingerprint, digest, newest, before);
    return digest;
  }
}

/** One regular file of an input. */
export interface InputFile {
  /** Inside a tree; empty for a single file. */
  readonly path: string;
  /** On the host. */
  readonly file: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: string;
}

interface TreeFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  readonly stat: BigIntStats;
}

/** All entries below a folder in byte order of their paths; links are not followed. */
function listTree(root: string, prefix: string, excluded: readonly RegExp[]): TreeFile[] {
  const names = readdirSync(join(root, prefix)).toSorted((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return names.flatMap((name) => {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    if (excluded.some((pattern) => pattern.test(path))) return [];
    const stat = lstatSync(join(root, path), { bigint: true });
    if (!stat.isDirectory()) return [{ path, stat }];
    return [{ path, stat }, ...listTree(root, path, excluded)];
  });
}

/** Only the executable bits land in an image; the rest of a host mode is the user's umask. */
function executableBits(stat: BigIntStats): string {
  return (stat.mode & 0o111n) === 0n ? '-' : 'x';
}

function nowNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

function missing(input: HostInput, origin: SourceRange, what: string, cause?: unknown): FailureError {
  return new FailureError({
    reason: 'input-missing',
    message: `${input.option}: ${input.path} ${what}`,
    origin: locateOption({ origin }, input.option),
    hint: 'Relative paths start at the folder of the template.',
    cause,
  });
}
