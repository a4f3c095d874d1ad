import { runTool } from '../run-tool.ts';
import type { VolumeContext } from './volume-context.ts';
import { SECTOR, type Partition } from './gpt.ts';

/** Copies a file system that was made in a file of its own into its partition, which is a hole of the disk file so far. */
export async function copyIntoDisk(
  path: string,
  partition: Partition,
  context: VolumeContext,
): Promise<void> {
  const seek = (partition.start * SECTOR) / 2 ** 20;
  const how = ['bs=1M', `seek=${seek}`, 'conv=notrunc,sparse', 'status=none'];
  const argv = ['dd', `if=${path}`, `of=${context.outputPath}`, ...how] as const;
  await runTool(context, { argv, reason: 'disk-failed' });
}
