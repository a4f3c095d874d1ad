import { createHash } from 'node:crypto';
import { globSync, readFileSync, readlinkSync, statSync, type BigIntStats } from 'node:fs';
import { basename, join } from 'node:path';
import type { XXHashAPI } from 'xxhash-wasm';
import { fingerprintOf, type StatCache } from '../cache/stat-cache.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { SourceRange } from '../diagnostics/source-range.ts';
import type { HostInput } from '../model/host-input.ts';
import { locateOption } from '../schema/locator.ts';
import { isErrno } from '../util/atomic-file.ts';
import { sha256Hex } from '../util/hash.ts';
import { listHostTree } from '../util/host-tree.ts';

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
      if (input.type === 'glob') {
        const found = expandGlob(input);
        return sha256Hex(
          JSON.stringify(found.map((one) => [relativeTo(input.path, one.path), this.digest(one, origin)])),
        );
      }
      const stat = statSync(input.path, { bigint: true });
      if (stat.isDirectory()) {
        if (input.type === 'file') throw missing(input, origin, 'is a folder, not a file');
        return this.#tree(input);
      }
      if (input.type === 'tree') throw missing(input, origin, 'is a file, not a folder');
      if (!stat.isFile()) throw missing(input, origin, 'is neither a file nor a folder');
      const digest = this.#file(input.path, stat, input.modes ?? true);
      return input.named === true ? sha256Hex(`${basename(input.path)}\0${digest}`) : digest;
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP'))
        throw missing(
          input,
          origin,
          isOddName(error) ? 'holds a name that is not UTF-8' : 'does not exist',
          error,
        );
      if (isErrno(error, 'EACCES', 'EPERM')) throw missing(input, origin, 'cannot be read', error);
      throw error;
    }
  }

  /** The files of an input with digests of their own; reads nothing that `digest` has read. */
  files(input: HostInput): InputFile[] {
    if (input.type === 'glob')
      return expandGlob(input).flatMap((one) =>
        this.files(one).map((found) => ({ ...found, path: relativeTo(input.path, found.file) })),
      );
    const stat = statSync(input.path, { bigint: true });
    const modes = input.modes ?? true;
    if (!stat.isDirectory())
      return [
        { path: '', file: input.path, size: Number(stat.size), digest: this.#file(input.path, stat, modes) },
      ];
    return listHostTree(input).flatMap(({ path, stat: own, target }) => {
      const entry = target ?? own;
      if (!entry.isFile()) return [];
      const file = join(input.path, path);
      const bits = modeBits(entry, modes);
      return [{ path, file, size: Number(entry.size), digest: `${bits}${this.#file(file, entry, false)}` }];
    });
  }

  #file(path: string, stat: BigIntStats, modes: NonNullable<HostInput['modes']>): string {
    const fingerprint = fingerprintOf(stat);
    const name = modes === true ? path : modes ? `modes:${path}` : `content:${path}`;
    const known = this.#cache.get(name, fingerprint);
    if (known !== undefined) return known;
    const before = nowNs();
    const hash = createHash('sha256');
    if (modes) hash.update(`file ${modeBits(stat, modes)}\n`);
    const digest = hash.update(readFileSync(path)).digest('hex');
    this.#cache.set(name, fingerprint, digest, stat.ctimeNs, before);
    return digest;
  }

  #tree(input: HostInput): string {
    const files = listHostTree(input);
    const modes = input.modes ?? true;
    let newest = 0n;
    const lines = files.map(({ path, stat, target }) => {
      for (const { ctimeNs } of target === undefined ? [stat] : [stat, target])
        if (ctimeNs > newest) newest = ctimeNs;
      return `${path}\0${fingerprintOf(stat)}${target === undefined ? '' : `\0${fingerprintOf(target)}`}`;
    });
    const fingerprint = this.#xxhash.h64ToString(lines.join('\n'));
    const name = `tree:${modes}:${input.links ?? ''}:${(input.exclude ?? []).join('\0')}:${input.path}`;
    const known = this.#cache.get(name, fingerprint);
    if (known !== undefined) return known;
    const before = nowNs();
    const hash = createHash('sha256');
    for (const { path, stat: own, target } of files) {
      const full = join(input.path, path);
      if (own.isSymbolicLink()) hash.update(`link ${JSON.stringify([path, readLink(full)])}\n`);
      const stat = target ?? own;
      if (stat.isSymbolicLink()) continue;
      const name = JSON.stringify(path);
      if (stat.isDirectory())
        hash.update(`folder${modes === 'all' ? ` ${modeBits(stat, modes)}` : ''} ${name}\n`);
      else if (stat.isFile())
        hash.update(`file ${modeBits(stat, modes)} ${name} ${this.#file(full, stat, false)}\n`);
      // Reading a pipe would wait for ever; there is nothing of it to copy.
      else hash.update(`special ${name}\n`);
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

/** What a glob finds now, in byte order, as inputs of their own. */
function expandGlob(input: HostInput): HostInput[] {
  return globSync(input.pattern ?? '', { cwd: input.path })
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((found) => ({ ...input, path: join(input.path, found), type: 'any' }));
}

const relativeTo = (folder: string, file: string): string =>
  file.startsWith(`${folder}/`) ? file.slice(folder.length + 1) : file;

/** Where only the executable bits of a mode land in an image, the rest of it is the user's umask. */
function modeBits(stat: BigIntStats, modes: NonNullable<HostInput['modes']>): string {
  if (modes === 'all') return (stat.mode & 0o7777n).toString(8);
  if (!modes) return '';
  return (stat.mode & 0o111n) === 0n ? '-' : 'x';
}

/** @throws Error ENOENT, as for a file of such a name, when the target is not UTF-8 and so no text could lead there */
function readLink(path: string): string {
  const bytes = readlinkSync(path, 'buffer');
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return text;
  throw Object.assign(new Error(`the target of ${path} is not UTF-8`), { code: 'ENOENT', path: text });
}

/** What was not found is a name of the folder that could not be decoded. */
const isOddName = (error: unknown): boolean =>
  error instanceof Error &&
  'path' in error &&
  typeof error.path === 'string' &&
  error.path.includes('\uFFFD');

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
