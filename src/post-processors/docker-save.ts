import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { dockerPath } from '../schema/docker-fields.ts';
import { isErrno } from '../util/atomic-file.ts';
import { dockerFor } from './docker/docker-context.ts';
import { demandBuilder, DOCKER_IMPORT, DOCKER_TAG } from './docker/image-artifact.ts';
import { definePostProcessor, type PostContext } from './post-processor.ts';

const schema = z.strictObject({
  path: z.string().min(1).describe('The archive, relative to the template.'),
  docker_path: dockerPath(),
});

export const dockerSavePostProcessor = definePostProcessor({
  type: 'docker-save',
  summary: 'Writes an image of the Docker daemon to an archive, as the post-processor of Packer does.',
  schema,
  keyVersion: 1,
  keepInput: { default: true },
  reproducible: true,
  run: (options, artifact, context) =>
    capture(async () => {
      demandBuilder(artifact, [DOCKER_IMPORT, DOCKER_TAG], 'Can only save Docker builder artifacts.');
      context.log(`Saving image: ${artifact.id}`);
      await save(artifact.id, options, context);
      context.log(`Saved to: ${options.path}`);
      return artifact;
    }),
  examples: {
    good: [{ title: 'A tar', options: { path: 'out/web.tar' } }],
    bad: [{ title: 'No path', options: {}, error: 'is missing' }],
  },
});

/** The archive takes its name when it is whole. */
async function save(image: string, options: z.output<typeof schema>, context: PostContext): Promise<void> {
  const file = context.resolvePath(options.path);
  const temporary = `${file}.tmp-${process.pid}`;
  try {
    const target = createWriteStream(temporary);
    const written = finished(target);
    await Promise.all([
      written,
      dockerFor(options.docker_path, context).must(['save', image], 'Error exporting', {
        stdout: target,
        reason: 'post-failed',
      }),
    ]);
    await rename(temporary, file);
    context.placed(file);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'ENOTDIR', 'EACCES', 'EISDIR', 'ENOSPC')) throw error;
    throw new FailureError({
      reason: isErrno(error, 'ENOSPC') ? 'disk-full' : 'post-failed',
      message: `Error creating output file: ${(error as Error).message}`,
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}
