import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { removeQuietly } from '../../util/remove-quietly.ts';
import { isStaleTemporary } from '../../util/temporary-name.ts';
import { NewPack, PACK_ENDING } from './new-pack.ts';
import { openPack, readPacked, type PackedPlace } from './pack-file.ts';

/** With more packs than this all that is still used is put together in one. */
const MOST_PACKS = 16;

/** Compresses a block, always in the same way for one folder of packs. */
export type Compress = (block: Buffer) => Promise<Buffer>;

interface Pack {
  readonly path: string;
  used: boolean;
}

/** The folders that exports of this process use at the moment: two that run side by side share each block. */
const inUse = new Map<string, { users: number; readonly blocks: Promise<PackedBlocks> }>();

/**
 * Compressed blocks of disks, kept between exports: a block that an earlier export has compressed in the same way is
 * copied, so that an export after a small edit takes little time. Blocks are found by the SHA-256 of what they hold, so
 * it does not matter which disk they are from, and what is damaged is made anew. In the folder lie
 *
 *     <16 hex digits>.pack    pack-file.ts; each export adds one with what was new to it
 */
export class PackedBlocks {
  readonly #known = new Map<string, PackedPlace>();
  readonly #packs = new Map<FileHandle, Pack>();
  readonly #making = new Map<string, Promise<Buffer>>();
  readonly #new: NewPack;
  /** Whether what is used is copied into the new pack, which then takes the place of all others. */
  #gathers = false;

  private constructor(folder: string) {
    this.#new = new NewPack(folder);
  }

  /**
   * Runs `body` with the blocks of a folder and keeps what it adds, also when it fails: each block is whole by itself.
   * @param folder that of one way of compressing
   */
  static async use<T>(folder: string, body: (blocks: PackedBlocks) => Promise<T>): Promise<T> {
    const entry = inUse.get(folder) ?? { users: 0, blocks: PackedBlocks.#open(folder) };
    inUse.set(folder, entry);
    entry.users += 1;
    try {
      return await body(await entry.blocks);
    } finally {
      entry.users -= 1;
      if (entry.users === 0) {
        inUse.delete(folder);
        await (await entry.blocks).#close();
      }
    }
  }

  static async #open(folder: string): Promise<PackedBlocks> {
    const blocks = new PackedBlocks(folder);
    for (const name of readdirSync(folder)) {
      const path = join(folder, name);
      if (isStaleTemporary(path)) removeQuietly(path);
      if (!name.endsWith(PACK_ENDING)) continue;
      const pack = await openPack(path).catch(() => undefined);
      if (pack === undefined) removeQuietly(path);
      else {
        blocks.#packs.set(pack.file, { path, used: false });
        for (const [digest, place] of pack.index) blocks.#known.set(digest, place);
      }
    }
    blocks.#gathers = blocks.#packs.size > MOST_PACKS;
    return blocks;
  }

  /** The compressed form of a block; `compress` makes it when nobody has yet. */
  async pack(block: Buffer, compress: Compress): Promise<Buffer> {
    const digest = createHash('sha256').update(block).digest('hex');
    const making = this.#making.get(digest) ?? this.#take(digest, block, compress);
    this.#making.set(digest, making);
    try {
      return await making;
    } finally {
      this.#making.delete(digest);
    }
  }

  async #take(digest: string, block: Buffer, compress: Compress): Promise<Buffer> {
    const place = this.#known.get(digest);
    const pack = place && this.#packs.get(place.file);
    const found = place && (await readPacked(place));
    if (found !== undefined && pack !== undefined) pack.used = true;
    const bytes = found ?? (await compress(block));
    if (found !== undefined && (pack === undefined || !this.#gathers)) return bytes;
    const added = await this.#new.add(digest, bytes);
    if (added !== undefined) this.#known.set(digest, added);
    return bytes;
  }

  async #close(): Promise<void> {
    try {
      // Where it cannot be kept the next export compresses again.
      const kept = await this.#new.keep().catch(() => false);
      const now = Date.now() / 1000;
      for (const { path, used } of this.#packs.values()) {
        if (kept && this.#gathers) removeQuietly(path);
        // What was used last stays longest when room is needed.
        else if (used) await utimes(path, now, now).catch(() => undefined);
      }
    } finally {
      await this.#new.close();
      for (const file of this.#packs.keys()) await file.close();
    }
  }
}
