import { createHash } from 'node:crypto';
import { open, rename, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { removeQuietly } from '../../util/remove-quietly.ts';
import { temporaryName } from '../../util/temporary-name.ts';
import { encodeIndex, type PackedPlace } from './pack-file.ts';

/** Ending of the names of packs. */
export const PACK_ENDING = '.pack';

/** A pack that is being filled; it gets its name when it is whole. */
export class NewPack {
  readonly #folder: string;
  readonly #temporary: string;
  readonly #index = new Map<string, PackedPlace>();
  #opening: Promise<FileHandle> | undefined;
  #end = 0;
  #failed = false;

  constructor(folder: string) {
    this.#folder = folder;
    this.#temporary = temporaryName(join(folder, 'new'));
  }

  /** Adds a block; gives its place, or undefined where nothing can be kept, e.g. on a full disk. */
  async add(digest: string, bytes: Buffer): Promise<PackedPlace | undefined> {
    if (this.#failed) return undefined;
    const at = this.#end;
    this.#end += bytes.length;
    try {
      this.#opening ??= open(this.#temporary, 'wx+');
      const file = await this.#opening;
      const { bytesWritten } = await file.write(bytes, 0, bytes.length, at);
      if (bytesWritten < bytes.length) throw new Error('the disk is full');
      const place = { file, at, length: bytes.length, crc: crc32(bytes) };
      this.#index.set(digest, place);
      return place;
    } catch {
      this.#failed = true;
      // The room may be what the export itself lacks.
      removeQuietly(this.#temporary);
      return undefined;
    }
  }

  /** Gives the pack its name, if it has any blocks. @returns whether it did */
  async keep(): Promise<boolean> {
    if (this.#opening === undefined || this.#failed) return false;
    const file = await this.#opening;
    const index = encodeIndex(this.#index);
    await file.write(index, 0, index.length, this.#end);
    const name = createHash('sha256').update(index).digest('hex').slice(0, 16);
    await rename(this.#temporary, join(this.#folder, `${name}${PACK_ENDING}`));
    return true;
  }

  async close(): Promise<void> {
    if (this.#opening === undefined) return;
    removeQuietly(this.#temporary);
    await this.#opening.then(
      (file) => file.close(),
      () => undefined,
    );
  }
}
