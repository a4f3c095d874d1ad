import { open } from 'node:fs/promises';
import { capture, type Result } from '../../diagnostics/failure.ts';
import type { DiskImage } from '../disk-image.ts';
import type { ToolContext } from '../run-tool.ts';
import { copySparse } from '../sparse-copy.ts';

/** Writes a disk as one sparse raw file, for tools that read nothing else. */
export async function materialiseDisk(
  image: DiskImage,
  outputPath: string,
  context: ToolContext,
): Promise<Result<void>> {
  return await capture(async () => {
    await copySparse(context, image.basePath, outputPath, 'disk-failed');
    await using disk = await open(outputPath, 'r+');
    for (const { offset, bytes } of image.patch) await disk.write(bytes, 0, bytes.length, offset);
  });
}
