import { COMPRESSIONS, type BlockwiseCompression } from '../compression.ts';
import { gzipFormat, gzipRecipe } from './gzip.ts';
import { writeBlocks, type BlocksRequest } from './write-blocks.ts';
import { zstdFormat, zstdRecipe } from './zstd.ts';

export interface CompressionSettings {
  readonly compression: BlockwiseCompression;
  /** Default: that of the compression. */
  readonly level?: number | undefined;
}

/**
 * Compresses a stream to a file, with all processors and block by block: after a small change nearly all blocks are
 * taken from the cache.
 * @returns SHA-256 of the file, 64 hex digits
 * @throws FailureError as `writeBlocks`
 */
export async function writeCompressed(
  source: AsyncIterable<Buffer> | Iterable<Buffer>,
  {
    compression,
    level = COMPRESSIONS[compression].defaultLevel,
    ...request
  }: CompressionSettings & BlocksRequest,
): Promise<{ readonly sha256: string }> {
  if (compression === 'zstd') return await writeBlocks(source, zstdFormat(level), request);
  using format = gzipFormat(level);
  return await writeBlocks(source, format, request);
}

/** Names all that decides what `writeCompressed` makes of the same bytes. */
export function compressionRecipe({
  compression,
  level = COMPRESSIONS[compression].defaultLevel,
}: CompressionSettings): string {
  return compression === 'zstd' ? zstdRecipe(level) : gzipRecipe(level);
}
