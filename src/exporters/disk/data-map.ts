import { open } from 'node:fs/promises';
import { z } from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { mergeRanges, type ByteRange } from '../../util/byte-ranges.ts';
import { nonZeroBlocks, readFully } from '../disk-image.ts';
import { runTool, type ToolContext } from '../run-tool.ts';

const CHUNK = 2 * 2 ** 20;

const mapSchema = z.array(z.object({ start: z.number(), length: z.number(), data: z.boolean() }));

/**
 * Where a disk file has blocks of 4096 bytes that are not all zero. Reads the file but for its holes, once in the life
 * of a base: 0.15 s for 400 MB of files.
 */
export async function scanData(context: ToolContext, path: string): Promise<readonly ByteRange[]> {
  await using file = await open(path, 'r');
  const { size } = await file.stat();
  const buffer = Buffer.allocUnsafe(CHUNK);
  const found: ByteRange[] = [];
  for (const { start, end } of await allocated(context, path, size)) {
    for (let at = start; at < end; at += CHUNK) {
      context.signal.throwIfAborted();
      const bytes = buffer.subarray(0, Math.min(CHUNK, end - at));
      await readFully(file, bytes, at);
      found.push(...nonZeroBlocks(bytes, at));
    }
  }
  return mergeRanges(found);
}

/** Node has no lseek, so qemu-img tells where the holes are; without it every byte is looked at. */
async function allocated(context: ToolContext, path: string, size: number): Promise<ByteRange[]> {
  try {
    const argv = ['qemu-img', 'map', '--output=json', '-f', 'raw', path] as const;
    const { stdout } = await runTool(context, { argv, reason: 'disk-failed' });
    const map = mapSchema.parse(JSON.parse(stdout)).filter((part) => part.data);
    return mergeRanges(map.map(({ start, length }) => ({ start, end: Math.min(start + length, size) })));
  } catch (error) {
    if (!(error instanceof FailureError) || error.failures[0]?.reason !== 'tool-missing') throw error;
    return [{ start: 0, end: size }];
  }
}
