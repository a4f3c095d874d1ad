import * as z from 'zod';
import { dockerPath, registryFields } from '../schema/docker-fields.ts';
import { DOCKER_OPTIONS } from '../template/packer-kinds/builders.ts';
import { defineSource } from './source.ts';

const { shape } = z.object(DOCKER_OPTIONS);

/** Where a container begins. */
export const dockerImageSchema = z
  .strictObject({
    image: z.string().optional().describe('Image to start from, by name, digest or id.'),
    build: z
      .strictObject(shape.build.unwrap().shape)
      .optional()
      .describe('A Dockerfile to build and start from, in the place of an image.'),
    pull: z.boolean().optional().describe('Pull the image first. Default: true for `image`.'),
    platform: shape.platform,
    docker_path: dockerPath(),
    ...registryFields(),
  })
  .superRefine((options, context) => {
    const given = [options.image, options.build].filter((way) => way !== undefined && way !== '');
    if (given.length !== 1) {
      context.addIssue({ code: 'custom', message: 'needs exactly one of image and build' });
    }
    if (options.build !== undefined && (options.build.path ?? '') === '') {
      context.addIssue({ code: 'custom', path: ['build', 'path'], message: 'the Dockerfile must be named' });
    }
    if (options.ecr_login && (options.login_server ?? '') === '') {
      context.addIssue({ code: 'custom', message: 'ECR login requires login server to be provided.' });
    }
  });

export type DockerImageOptions = z.output<typeof dockerImageSchema>;

export const dockerImageSource = defineSource({
  type: 'docker-image',
  summary: 'Begins with an image of the Docker daemon, pulled or built first.',
  description: `The daemon is asked in every build which image the name stands for. It is the image, not its name, that counts: as long
as it is the same, no step runs again for its sake.`,
  schema: dockerImageSchema,
  keyVersion: 1,
  builders: ['docker'],
  untracked: ({ image }) =>
    image === undefined
      ? 'the Dockerfile may give another image today'
      : 'its name may stand for another image today',
  examples: {
    good: [
      { title: 'From a registry', options: { image: 'debian:bookworm-slim' } },
      { title: 'One that the daemon has', options: { image: 'base:1', pull: false } },
      {
        title: 'From a Dockerfile',
        options: { build: { path: 'Dockerfile', arguments: { RELEASE: 'bookworm' } } },
      },
    ],
    bad: [{ title: 'No image', options: {}, error: 'exactly one of image and build' }],
  },
});
