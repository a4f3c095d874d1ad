import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { FailureError } from '../diagnostics/failure.ts';
import { asDigest, type Digest } from '../model/ids.ts';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';
import { canonicalJson } from '../util/canonical-json.ts';
import { sha256Hex } from '../util/hash.ts';
import { temporaryName } from '../util/temporary-name.ts';
import { tracePoint } from '../util/trace-point.ts';

const infoSchema = z.object({
  format: z.literal(1),
  /** Builder whose driver made it. */
  builder: z.string(),
  parent: z.string().optional(),
  /** What it needs outside the store, by name, such as an image of a daemon. */
  external: z.record(z.string(), z.string()).optional(),
  files: z.record(z.string(), z.object({ size: z.number(), sha256: z.string() })),
  createdAt: z.string(),
});

export type SnapshotInfo = z.output<typeof infoSchema>;

const INFO = 'info.json';

/**
 * States of machines, committed and immutable: `snapshots/<hex>/` with the driver's files and `info.json`. A
 * snapshot's digest is over its parent's, its external names and all its files, so the same name is the same state.
 */
export class SnapshotStore {
  readonly root: string;
  readonly #infos = new Map<Digest, SnapshotInfo>();

  /** @param storeRoot the store's folder */
  constructor(storeRoot: string) {
    this.root = `${storeRoot}/snapshots`;
  }

  folder(digest: Digest): string {
    return `${this.root}/${digest.slice('sha256:'.length)}`;
  }

  /** Whether it and all that it stands on are there. */
  has(digest: Digest): boolean {
    for (let at: Digest | undefined = digest; at !== undefined;) {
      const info = this.info(at);
      if (info === undefined || !existsSync(join(this.folder(at), INFO))) return false;
      at = info.parent === undefined ? undefined : asDigest(info.parent);
    }
    return true;
  }

  /** What is written about a snapshot, or undefined when there is none, whole. */
  info(digest: Digest): SnapshotInfo | undefined {
    const known = this.#infos.get(digest);
    if (known !== undefined) return known;
    try {
      const info = infoSchema.parse(JSON.parse(readFileSync(join(this.folder(digest), INFO), 'utf8')));
      if (digestOf(info) !== digest) return undefined;
      this.#infos.set(digest, info);
      return info;
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR') || error instanceof SyntaxError || error instanceof z.ZodError)
        return undefined;
      throw error;
    }
  }

  /** Digests of all snapshots, whole or not. */
  list(): Digest[] {
    try {
      return readdirSync(this.root).flatMap((name) =>
        /^[0-9a-f]{64}$/.test(name) ? [asDigest(`sha256:${name}`)] : [],
      );
    } catch (error) {
      if (isErrno(error, 'ENOENT', 'ENOTDIR')) return [];
      throw error;
    }
  }

  /** A snapshot and those it stands on, bottom first. @throws FailureError `store-invalid` when one is gone */
  chain(digest: Digest): readonly Digest[] {
    const chain: Digest[] = [];
    for (let at: Digest | undefined = digest; at !== undefined;) {
      const info = this.info(at);
      if (info === undefined) {
        throw new FailureError({
          reason: 'store-invalid',
          message: `the snapshot ${at} is no longer in the cache`,
          hint: 'Build once more.',
        });
      }
      chain.unshift(at);
      at = info.parent === undefined ? undefined : asDigest(info.parent);
    }
    return chain;
  }

  /** A private folder in which a snapshot is put together; cleared after this process when it is not committed. */
  async stage(): Promise<string> {
    const folder = temporaryName(join(this.root, 'stage'));
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /**
   * Gives a staged folder its name; what is there already stays. Its files become read-only.
   * @param hashes of those files, by name, whose SHA-256 is computed already
   */
  async commit(
    staged: string,
    given: Pick<SnapshotInfo, 'builder' | 'parent' | 'external'>,
    hashes: ReadonlyMap<string, Promise<string> | undefined> = new Map(),
  ): Promise<{ readonly digest: Digest; readonly size: number }> {
    const files: Record<string, { size: number; sha256: string }> = {};
    for (const name of (await readdir(staged)).toSorted()) {
      const path = join(staged, name);
      await chmod(path, 0o444);
      const sha256 = await (hashes.get(name) ?? hashSnapshotFile(path));
      files[name] = { size: (await stat(path)).size, sha256 };
    }
    const info: SnapshotInfo = { format: 1, ...given, files, createdAt: new Date().toISOString() };
    const digest = digestOf(info);
    writeFileAtomic(join(staged, INFO), JSON.stringify(info));
    tracePoint('snapshot:staged');
    try {
      await rename(staged, this.folder(digest));
    } catch (error) {
      if (!isErrno(error, 'ENOTEMPTY', 'EEXIST')) throw error;
      if (this.info(digest) === undefined) {
        await rm(this.folder(digest), { recursive: true, force: true });
        await rename(staged, this.folder(digest));
      } else await rm(staged, { recursive: true, force: true });
    }
    tracePoint('snapshot:renamed');
    this.#infos.set(digest, info);
    return { digest, size: sizeOf(info) };
  }

  /** Hashes a snapshot's own files again. */
  async verify(digest: Digest): Promise<'intact' | 'missing' | 'damaged'> {
    this.#infos.delete(digest);
    const info = this.info(digest);
    if (info === undefined) return existsSync(this.folder(digest)) ? 'damaged' : 'missing';
    for (const [name, file] of Object.entries(info.files)) {
      const path = join(this.folder(digest), name);
      if (!existsSync(path) || (await hashSnapshotFile(path)) !== file.sha256) return 'damaged';
    }
    return 'intact';
  }

  async remove(digest: Digest): Promise<void> {
    this.#infos.delete(digest);
    // Without its record a snapshot is none, however far the deletion comes.
    await rm(join(this.folder(digest), INFO), { force: true });
    await rm(this.folder(digest), { recursive: true, force: true });
  }
}

/** Bytes of a snapshot's own files. */
export function sizeOf(info: SnapshotInfo): number {
  return Object.values(info.files).reduce((sum, file) => sum + file.size, 0);
}

/** The moment at which a snapshot was taken is no part of what it is. */
function digestOf(info: SnapshotInfo): Digest {
  return asDigest(`sha256:${sha256Hex(canonicalJson({ ...info, createdAt: undefined }))}`);
}

/** SHA-256 of a file as a snapshot's record has it: 64 hex digits. */
export async function hashSnapshotFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
