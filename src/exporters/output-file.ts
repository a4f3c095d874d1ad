import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { isErrno } from '../util/atomic-file.ts';

/** Alignment of places and lengths that every file system takes for direct writes. */
export const DIRECT_ALIGNMENT = 4096;

/** After this many bytes the speed of direct writing is judged. */
const TRIAL = 32 * 2 ** 20;
/** Bytes per ms below which the page cache takes the rest. */
const SLOWEST_DIRECT = 300_000;

/**
 * A new file, written from start to end in large pieces. They go past the page cache (O_DIRECT) where the file system
 * can and the disk is fast: filling the cache with 400 MB that nobody reads soon takes a processor 0.5–0.9 s, in which
 * the bytes could be hashed. On slow disks the cache is the faster way, so the rest goes there.
 */
export class OutputFile implements AsyncDisposable {
  readonly #path: string;
  #file: FileHandle;
  #direct: boolean;
  #bytes = 0;
  #milliseconds = 0;

  private constructor(path: string, file: FileHandle, direct: boolean) {
    this.#path = path;
    this.#file = file;
    this.#direct = direct;
  }

  /** @param size the file gets this length at once, all of it a hole */
  static async create(path: string, size: number): Promise<OutputFile> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC;
    let file: FileHandle;
    let direct = true;
    try {
      file = await open(path, flags | constants.O_DIRECT);
    } catch (error) {
      if (!isErrno(error, 'EINVAL')) throw error;
      direct = false;
      file = await open(path, flags);
    }
    const output = new OutputFile(path, file, direct);
    await output.truncate(size);
    return output;
  }

  /** `bytes` lie at a multiple of DIRECT_ALIGNMENT in memory, and so does their length and `position` in the file. */
  async write(bytes: Buffer, position: number): Promise<void> {
    const start = performance.now();
    try {
      await writeFully(this.#file, bytes, position);
    } catch (error) {
      if (!this.#direct || !isErrno(error, 'EINVAL')) throw error;
      await this.#useCache();
      await writeFully(this.#file, bytes, position);
    }
    this.#bytes += bytes.length;
    this.#milliseconds += performance.now() - start;
    if (this.#direct && this.#bytes >= TRIAL && this.#bytes < this.#milliseconds * SLOWEST_DIRECT) {
      await this.#useCache();
    }
  }

  /** Cuts off what a last, padded piece wrote too much. */
  async truncate(size: number): Promise<void> {
    if ((await this.#file.stat()).isFile()) await this.#file.truncate(size);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #useCache(): Promise<void> {
    await this.#file.close();
    this.#file = await open(this.#path, constants.O_WRONLY);
    this.#direct = false;
  }
}

async function writeFully(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}
