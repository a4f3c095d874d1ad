import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { FailureError } from '../../diagnostics/failure.ts';
import { inOrder } from '../../util/in-order.ts';
import type { ExportContext } from '../exporter.ts';
import { stopped } from '../file-digest.ts';
import { outputFailure } from '../output.ts';
import { PackedBlocks, type Compress } from '../packed/packed-blocks.ts';
import { cutBlocks, type BlockSizes } from './cut-blocks.ts';

/** How a compressed file is put together from blocks that are compressed each by itself. One object writes one file. */
export interface BlockFormat {
  readonly sizes: BlockSizes;
  /** Blocks that are compressed at a time; Node does it in four threads of its own. */
  readonly window: number;
  /** Names all that decides the bytes of a compressed block. */
  readonly recipe: string;
  readonly compress: Compress;
  /** Begins the file. */
  readonly head?: Buffer;
  /** Is told of every block, in order. */
  readonly onBlock?: (block: Buffer) => void;
  /** Ends the file. */
  readonly tail: () => Buffer;
}

export interface BlocksRequest {
  readonly to: string;
  readonly signal: AbortSignal;
  /** Keeps compressed blocks between exports, and takes those that are kept. */
  readonly cacheFolder?: ExportContext['cacheFolder'] | undefined;
  /** Told how many bytes of the source are done. */
  readonly progress?: ((done: number) => void) | undefined;
}

/**
 * Compresses a stream with all processors. The bytes do not depend on the number of threads, nor on what is kept.
 * @returns SHA-256 of the file, 64 hex digits
 * @throws FailureError `aborted`, `disk-full`, `permission-denied`; what the source throws
 */
export async function writeBlocks(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  format: BlockFormat,
  request: BlocksRequest,
): Promise<{ readonly sha256: string }> {
  const { compress, recipe } = format;
  if (request.cacheFolder === undefined) return await writeFile(source, format, request, compress);
  const folder = await request.cacheFolder(`packed-${recipe}`);
  return await PackedBlocks.use(folder, (blocks) =>
    writeFile(source, format, request, (block) => blocks.pack(block, compress)),
  );
}

async function writeFile(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  { sizes, window, head, onBlock, tail }: BlockFormat,
  { to, signal, progress }: BlocksRequest,
  compress: Compress,
): Promise<{ readonly sha256: string }> {
  const hash = createHash('sha256');
  await using file = await writing(to, () => open(to, 'w'));
  const write = async (bytes: Buffer): Promise<void> => {
    hash.update(bytes);
    await writing(to, () => file.appendFile(bytes));
  };
  if (head !== undefined) await write(head);
  let done = 0;
  for await (const [block, packed] of inOrder(cutBlocks(source, sizes), window, compress)) {
    if (signal.aborted) throw stopped();
    onBlock?.(block);
    done += block.length;
    await write(packed);
    progress?.(done);
  }
  await write(tail());
  return { sha256: hash.digest('hex') };
}

async function writing<T>(path: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    const failure = outputFailure(error, path);
    throw failure === undefined ? error : new FailureError(failure);
  }
}
