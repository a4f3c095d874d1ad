import { readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fingerprintOf, type StatCache } from '../cache/stat-cache.ts';
import { sha256Hex } from '../util/hash.ts';

/**
 * Versions of host programs that have a say in a result (mmdebstrap, mke2fs, qemu-img …), as part of keys: the digest of
 * the program's file, which needs no option that prints a version and tells a distribution's patches apart.
 */
export class ToolVersions {
  readonly #cache: StatCache;
  readonly #known = new Map<string, string>();

  constructor(cache: StatCache) {
    this.#cache = cache;
  }

  /** `missing` when the program is not installed: then the step that calls it says so. */
  version(name: string): string {
    let version = this.#known.get(name);
    if (version === undefined) this.#known.set(name, (version = this.#digest(name)));
    return version;
  }

  #digest(program: string): string {
    const path = findProgram(program);
    if (path === undefined) return 'missing';
    const stat = statSync(path, { bigint: true });
    const fingerprint = fingerprintOf(stat);
    const name = `tool:${path}`;
    const known = this.#cache.get(name, fingerprint);
    if (known !== undefined) return known;
    const before = BigInt(Date.now()) * 1_000_000n;
    const digest = sha256Hex(readFileSync(path)).slice(0, 16);
    this.#cache.set(name, fingerprint, digest, stat.ctimeNs, before);
    return digest;
  }
}

/** Absolute path of a program on PATH or in the system folders, which an ordinary user's PATH may lack. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
    .find(isFile);
}

/** A folder of PATH that this user may not look into has no program for him, as for a shell. */
function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
