import { rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { runTool } from '../run-tool.ts';
import type { VolumeContext } from './volume-context.ts';
import { copyIntoDisk } from './copy-into-disk.ts';
import { SECTOR } from './gpt.ts';
import type { Volume, VolumeRequest } from './layout.ts';
import { volumeTooSmall } from './too-large.ts';

/**
 * Fills a partition with a btrfs file system that holds a folder's tree. Not reproducible: mkfs.btrfs numbers files by the
 * inodes they have on the host, and takes identifiers of device and trees and some times from chance and the clock.
 */
export async function makeBtrfs(
  plan: VolumeRequest,
  volume: Volume,
  folder: string,
  context: VolumeContext,
): Promise<void> {
  const path = join(context.scratch, `${volume.partition.uuid}.btrfs`);
  const size = volume.partition.sectors * SECTOR;
  await writeFile(path, '', { flag: 'wx' });
  await truncate(path, size);
  const identity = ['-U', volume.uuid, '-L', volume.name];
  // One copy of everything: a second one on the same disk helps little, and takes the time and the space.
  const argv = ['mkfs.btrfs', '-q', '-m', 'single', '-d', 'single', ...identity, '--rootdir', folder, path];
  try {
    await runTool(context, { argv: argv as [string, ...string[]], reason: 'disk-failed' });
  } catch (error) {
    throw (await isFull(error, context.scratch))
      ? new FailureError({ ...volumeTooSmall(plan.layout, volume), cause: error })
      : error;
  }
  await copyIntoDisk(path, volume.partition, context);
  await rm(path);
}

/** mkfs.btrfs has the same words for a file system that is full and for a host's disk that is. */
async function isFull(error: unknown, folder: string): Promise<boolean> {
  if (!(error instanceof FailureError) || error.failures[0]?.reason !== 'disk-full') return false;
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize > 64 * 2 ** 20;
}
