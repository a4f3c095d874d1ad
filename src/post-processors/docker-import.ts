import { createReadStream } from 'node:fs';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { dockerPath } from '../schema/docker-fields.ts';
import { dockerFor } from './docker/docker-context.ts';
import {
  ARTIFICE,
  demandBuilder,
  DOCKER_BUILDER,
  DOCKER_IMPORT,
  imageArtifact,
} from './docker/image-artifact.ts';
import { definePostProcessor } from './post-processor.ts';

const schema = z.strictObject({
  repository: z.string().min(1).describe('Name of the image.'),
  tag: z.string().optional().describe('Tag of the image.'),
  changes: z.array(z.string()).default([]).describe('Dockerfile instructions for the image.'),
  platform: z.string().optional().describe('Platform of the image.'),
  docker_path: dockerPath(),
});

export const dockerImportPostProcessor = definePostProcessor({
  type: 'docker-import',
  summary: 'Makes a tar archive an image of the Docker daemon, as the post-processor of Packer does.',
  schema,
  keyVersion: 1,
  keepInput: { default: false },
  reproducible: false,
  untracked: () => 'the image may have been deleted from the daemon',
  run: (options, artifact, context) =>
    capture(async () => {
      demandBuilder(
        artifact,
        [DOCKER_BUILDER, ARTIFICE],
        'Can only import from Docker builder and Artifice post-processor artifacts. If you are getting this error after having run the docker builder, it may be because you set commit: true in your Docker builder, so the image is already imported.',
      );
      const [file] = artifact.files;
      if (file === undefined)
        throw new FailureError({ reason: 'post-failed', message: 'there is no archive to import' });
      const { repository, tag = '', changes, platform = '' } = options;
      const name = tag === '' ? repository : `${repository}:${tag}`;
      context.log(`Importing image: ${artifact.id}`);
      context.log(`Repository: ${name}`);
      const id = await dockerFor(options.docker_path, context).must(
        [
          'import',
          ...changes.flatMap((change) => ['--change', change]),
          ...(platform === '' ? [] : ['--platform', platform]),
          '-',
          name,
        ],
        'Error importing container',
        { stdin: createReadStream(file.path), reason: 'post-failed' },
      );
      context.log(`Imported ID: ${id}`);
      return imageArtifact(name, { image: id, builderId: DOCKER_IMPORT });
    }),
  examples: {
    good: [{ title: 'With a tag', options: { repository: 'registry.example/web', tag: '1.2' } }],
    bad: [{ title: 'No name', options: { tag: '1.2' }, error: 'is missing' }],
  },
});
