import type { Transform } from 'node:stream';
import type { Compress } from './packed-blocks.ts';

/** Bytes that a stream sets aside at a time for what comes out: room for some blocks, so that it is not often. */
export const CHUNK = 256 * 1024;

/** A compressing stream of `node:zlib`. */
export type CompressingStream = Transform & { reset?: () => void };

export interface BlockStreams {
  /** Opens a stream that ends a block with each write (its option `flush`, e.g. `Z_FINISH`). */
  readonly open: () => CompressingStream;
  /** Whether it begins anew only when told to. */
  readonly resets: boolean;
}

/**
 * Compresses blocks each by itself with streams that are used again and again: what Node sets up for each call of
 * `deflateRaw` or `zstdCompress` takes longer than zstd takes for 64 KiB. What comes out depends on the block alone.
 */
export class BlockCompressors implements Disposable {
  readonly #streams: BlockStreams;
  readonly #all: CompressingStream[] = [];
  readonly #idle: CompressingStream[] = [];

  constructor(streams: BlockStreams) {
    this.#streams = streams;
  }

  /** Works on as many blocks at a time as are asked for, with a stream for each. */
  readonly compress: Compress = async (block) => {
    const stream = this.#idle.pop() ?? this.#open();
    const parts: Buffer[] = [];
    const take = (part: Buffer): void => void parts.push(part);
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.on('data', take);
      stream.write(block, () => {
        // Reading gives what is left to `take`, too.
        while (stream.read() !== null);
        stream.off('error', reject);
        stream.off('data', take);
        resolve();
      });
    });
    if (this.#streams.resets) stream.reset?.();
    this.#idle.push(stream);
    const [first = Buffer.alloc(0)] = parts;
    return parts.length <= 1 ? first : Buffer.concat(parts);
  };

  [Symbol.dispose](): void {
    for (const stream of this.#all) stream.destroy();
  }

  #open(): CompressingStream {
    const stream = this.#streams.open();
    this.#all.push(stream);
    return stream;
  }
}
