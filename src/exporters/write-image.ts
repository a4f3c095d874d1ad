import { FailureError } from '../diagnostics/failure.ts';
import { ImageReader, type DiskImage } from './disk-image.ts';
import { reading } from './reading.ts';
import { stopped } from './file-digest.ts';
import { HashThread } from './hash-thread.ts';
import { DIRECT_ALIGNMENT, OutputFile } from './output-file.ts';
import { outputFailure } from './output.ts';

/** A piece of a file that is made from a disk. */
export type FilePart =
  | { readonly type: 'bytes'; readonly bytes: Buffer }
  /** Bytes of the disk; beyond its end they are zero. */
  | { readonly type: 'disk'; readonly start: number; readonly end: number }
  /** Zeros, left out of the file's blocks where they are many. */
  | { readonly type: 'zeros'; readonly length: number };

export interface ImageFile {
  readonly path: string;
  /** The whole file, from start to end. */
  readonly parts: readonly FilePart[];
  readonly image: DiskImage;
  readonly signal: AbortSignal;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
}

const SLOT = 2 * 2 ** 20;
const SLOTS = 8;
/** Fewer zeros than this are written out. */
const SMALLEST_HOLE = 65536;

/**
 * Writes a file in one pass: a disk's bytes are read once, written once and hashed in a thread beside it. Memory is 16 MiB
 * whatever the size.
 * @returns the file's SHA-256 as 64 hex digits
 * @throws FailureError `disk-full`, `permission-denied`, `export-failed`, `aborted`
 */
export async function writeImage(file: ImageFile): Promise<{ readonly sha256: string }> {
  if (file.signal.aborted) throw stopped();
  await using reader = await reading(() => ImageReader.open(file.image));
  try {
    const total = file.parts.reduce((sum, part) => sum + lengthOf(part), 0);
    await using output = await OutputFile.create(file.path, total);
    await using writer = new ImageWriter(output, file.signal);
    for (const part of file.parts) {
      if (part.type === 'zeros') await writer.zeros(part.length);
      else {
        await writer.fill(lengthOf(part), async (target, at) => {
          if (part.type === 'bytes') part.bytes.copy(target, 0, at, at + target.length);
          else await reading(() => reader.read(target, part.start + at));
          file.progress(writer.position, total, 'bytes');
        });
      }
    }
    const sha256 = await writer.end();
    await output.truncate(total);
    return { sha256 };
  } catch (error) {
    const failure = outputFailure(error, file.path);
    throw failure === undefined ? error : new FailureError(failure);
  }
}

function lengthOf(part: FilePart): number {
  if (part.type === 'zeros') return part.length;
  return part.type === 'bytes' ? part.bytes.length : part.end - part.start;
}

/** Fills a ring of slots in shared memory; a full one is hashed and written side by side, and then free again. */
class ImageWriter implements AsyncDisposable {
  readonly #output: OutputFile;
  readonly #signal: AbortSignal;
  readonly #memory: Buffer;
  readonly #hash: HashThread;
  /** How many of hashing and writing are still to come, by slot. */
  readonly #pending: number[] = Array.from({ length: SLOTS }, () => 0);
  #writes: Promise<void> = Promise.resolve();
  #error: Error | undefined;
  #wake: () => void = () => undefined;
  #slot = 0;
  #filled = 0;
  /** Where in the file the current slot begins. */
  #start = 0;

  constructor(output: OutputFile, signal: AbortSignal) {
    this.#output = output;
    this.#signal = signal;
    // Memory that could grow begins at a page in V8, as direct writes need it; other memory would not.
    const memory = new SharedArrayBuffer(SLOT * SLOTS, { maxByteLength: SLOT * SLOTS });
    this.#memory = Buffer.from(memory);
    this.#hash = new HashThread(memory, {
      hashed: (slot) => this.#release(slot),
      error: (error) => {
        this.#error ??= asError(error);
        this.#wake();
      },
    });
  }

  /** Bytes of the file so far. */
  get position(): number {
    return this.#start + this.#filled;
  }

  /** @param fill gives the bytes from `at` on, counted from the first of these `length` */
  async fill(length: number, fill: (target: Buffer, at: number) => Promise<void>): Promise<void> {
    for (let at = 0; at < length;) {
      await this.#slotFree();
      const count = Math.min(SLOT - this.#filled, length - at);
      const from = this.#slot * SLOT + this.#filled;
      await fill(this.#memory.subarray(from, from + count), at);
      this.#filled += count;
      at += count;
      if (this.#filled === SLOT) this.#flush();
    }
  }

  async zeros(length: number): Promise<void> {
    const fillZeros = (count: number): Promise<void> =>
      this.fill(count, (target) => {
        target.fill(0);
        return Promise.resolve();
      });
    if (length < SMALLEST_HOLE) return await fillZeros(length);
    const before = (DIRECT_ALIGNMENT - (this.position % DIRECT_ALIGNMENT)) % DIRECT_ALIGNMENT;
    await fillZeros(before);
    this.#flush();
    const hole = Math.floor((length - before) / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
    this.#hash.add({ type: 'zeros', length: hole });
    this.#start += hole;
    await fillZeros(length - before - hole);
  }

  /** Waits until all is written. */
  async end(): Promise<string> {
    this.#flush();
    await this.#writes;
    this.#check();
    return await this.#hash.digest();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#writes, this.#hash[Symbol.asyncDispose]()]);
  }

  async #slotFree(): Promise<void> {
    this.#check();
    while ((this.#pending[this.#slot] ?? 0) > 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#check();
    }
  }

  #check(): void {
    if (this.#error !== undefined) throw this.#error;
    if (this.#signal.aborted) throw stopped();
  }

  #flush(): void {
    if (this.#filled === 0) return;
    const slot = this.#slot;
    const from = slot * SLOT;
    const start = this.#start;
    const end = from + this.#filled;
    // Only the file's last piece is not aligned; what it writes too much is cut off.
    const writeEnd = from + Math.ceil(this.#filled / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
    this.#memory.fill(0, end, writeEnd);
    this.#pending[slot] = 2;
    this.#hash.add({ type: 'bytes', slot, start: from, end });
    this.#writes = this.#writes.then(async () => {
      if (this.#error !== undefined) return;
      try {
        await this.#output.write(this.#memory.subarray(from, writeEnd), start);
      } catch (error) {
        this.#error = asError(error);
      }
      this.#release(slot);
    });
    this.#start += this.#filled;
    this.#filled = 0;
    this.#slot = (slot + 1) % SLOTS;
  }

  #release(slot: number): void {
    this.#pending[slot] = (this.#pending[slot] ?? 0) - 1;
    this.#wake();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
