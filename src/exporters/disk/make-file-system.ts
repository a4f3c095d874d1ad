import type { Volume, VolumeRequest } from './layout.ts';
import { makeBtrfs } from './make-btrfs.ts';
import { makeExt4 } from './make-ext4.ts';
import { makeXfs } from './make-xfs.ts';
import type { VolumeContext } from './volume-context.ts';

/** Fills a partition of the disk file with a file system that holds a folder's tree. */
export async function makeFileSystem(
  plan: VolumeRequest,
  volume: Volume,
  folder: string,
  context: VolumeContext,
): Promise<void> {
  switch (volume.fileSystem) {
    case 'ext4':
      return await makeExt4(plan, volume, folder, context);
    case 'xfs':
      return await makeXfs(plan, volume, folder, context);
    case 'btrfs':
      return await makeBtrfs(plan, volume, folder, context);
  }
}
