import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { withContainer } from '../../exporters/docker/created-container.ts';
import { runTool } from '../../exporters/run-tool.ts';
import type { Artifact } from '../../model/artifact.ts';
import { dockerFor } from '../docker/docker-context.ts';
import { DOCKER_BUILDER, DOCKER_IMPORT, DOCKER_TAG } from '../docker/image-artifact.ts';
import { imageOf } from '../new-file.ts';
import type { PostContext } from '../post-processor.ts';
import { takeDiskFiles } from './disk-files.ts';

/**
 * Copies the files of a system that no layers hold, since a machine of its builder has made it, into a new folder.
 * @param withFiles all of them, instead of those that say what is installed
 * @returns the folder
 * @throws FailureError `post-failed` when they cannot be read
 */
export async function takeMachineFiles(
  artifact: Artifact,
  context: PostContext,
  withFiles: boolean,
): Promise<string> {
  const image = artifact.content;
  if ([DOCKER_IMPORT, DOCKER_TAG].includes(artifact.builderId) && image !== undefined) {
    const tar = join(context.scratch, 'system.tar');
    const cli = dockerFor('docker', context);
    await withContainer(image, cli, (container) =>
      cli.must(['export', '--output', tar, container], 'Error exporting', { reason: 'post-failed' }),
    );
    return await unpack(tar, context);
  }
  const { path } = imageOf(artifact);
  if (artifact.builderId === DOCKER_BUILDER) return await unpack(path, context);
  const folder = await takeDiskFiles(path, context, withFiles);
  if (folder !== undefined) return folder;
  throw new FailureError({
    reason: 'post-failed',
    message: `a bill of materials of ${context.pipeline.id} is read from the disk that its machine left, and ${path} holds no ext4 file system with a system`,
    hint: 'Give `sbom` to an export of the disk itself, such as qcow2 or raw; file systems other than ext4 are not read.',
  });
}

/** Without devices, which only root could make, and which are no material. */
async function unpack(tar: string, context: PostContext): Promise<string> {
  const folder = join(context.scratch, 'system');
  await mkdir(folder);
  const argv = ['tar', '-xf', tar, '-C', folder, '--no-same-owner', '--exclude=dev/*'] as const;
  await runTool(context, { argv, reason: 'post-failed' });
  return folder;
}
