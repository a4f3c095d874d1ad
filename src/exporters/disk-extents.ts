import * as z from 'zod';
import { runTool, type ToolContext } from './run-tool.ts';

/** A run of bytes of a disk that may be other than zero. */
export interface DataExtent {
  readonly start: number;
  readonly length: number;
}

const mapSchema = z.array(z.object({ start: z.int(), length: z.int(), data: z.boolean() }));

/** The parts of a raw disk that are not holes, in order; asks the file system, reads nothing. */
export async function dataExtents(context: ToolContext, disk: string): Promise<readonly DataExtent[]> {
  const { stdout } = await runTool(context, {
    argv: ['qemu-img', 'map', '-f', 'raw', '--output=json', disk],
    reason: 'export-failed',
  });
  return mapSchema.parse(JSON.parse(stdout)).filter((extent) => extent.data);
}
