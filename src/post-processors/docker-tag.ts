import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { dockerPath } from '../schema/docker-fields.ts';
import { dockerFor } from './docker/docker-context.ts';
import { demandBuilder, DOCKER_IMPORT, DOCKER_TAG, imageArtifact } from './docker/image-artifact.ts';
import { definePostProcessor } from './post-processor.ts';

const schema = z.strictObject({
  repository: z.string().min(1).describe('Name for the image.'),
  tags: z.array(z.string()).default([]).describe('Tags; the name alone when left out.'),
  tag: z
    .union([z.string(), z.array(z.string())])
    .default([])
    .describe('Tags, by the older name of the option.'),
  force: z
    .boolean()
    .default(false)
    .meta({ description: 'Without effect: Docker moves a tag in any case.', key: 'out' }),
  docker_path: dockerPath(),
});

export const dockerTagPostProcessor = definePostProcessor({
  type: 'docker-tag',
  summary: 'Gives an image of the Docker daemon names, as the post-processor of Packer does.',
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  reproducible: true,
  untracked: () => 'somebody may have moved the tag',
  run: (options, artifact, context) =>
    capture(async () => {
      demandBuilder(artifact, [DOCKER_TAG, DOCKER_IMPORT], 'Can only tag from Docker builder artifacts.');
      const cli = dockerFor(options.docker_path, context);
      const tags = [...options.tags, ...[options.tag].flat()];
      const names =
        tags.length === 0 ? [options.repository] : tags.map((tag) => `${options.repository}:${tag}`);
      for (const name of names) {
        context.log(`Tagging image: ${artifact.id}`);
        context.log(`Repository: ${name}`);
        await cli.must(['tag', artifact.id, name], 'Error tagging image', { reason: 'post-failed' });
      }
      return imageArtifact(names.at(-1) ?? artifact.id, {
        image: artifact.content ?? artifact.id,
        builderId: DOCKER_TAG,
        tags: tags.length === 0 ? [] : names,
      });
    }),
  examples: {
    good: [{ title: 'Two tags', options: { repository: 'registry.example/web', tags: ['1.2', 'latest'] } }],
    bad: [{ title: 'No name', options: { tags: ['1.2'] }, error: 'is missing' }],
  },
});
