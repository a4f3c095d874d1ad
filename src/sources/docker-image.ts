import * as z from 'zod';
import type { ArchiveReference, LockedArchive } from '../model/archive.ts';
import type { StepContext } from '../model/step-context.ts';
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

/** Name and tag of an image: `host:5000/team/app:1` is `host:5000/team/app` and `1`. */
export function splitImageName(name: string): { readonly repository: string; readonly tag: string } {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon === -1
    ? { repository: name, tag: 'latest' }
    : { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** Whether an image is pulled by a name that may move. One behind a login of the template is asked for in every build. */
const isLocked = ({ image = '', pull, login, ecr_login: ecr }: DockerImageOptions): boolean =>
  image !== '' && pull !== false && !login && !ecr && !image.includes('@');

function imageArchives(
  options: DockerImageOptions,
  { architecture }: StepContext,
): readonly ArchiveReference[] {
  if (!isLocked(options)) return [];
  const { image = '', platform = '', docker_path: program } = options;
  const { repository, tag } = splitImageName(image);
  return [
    {
      name: `image ${repository}:${tag}${platform === '' ? '' : ` (${platform})`}`,
      wanted: {
        type: 'image',
        image: { name: image, program, ...(platform === '' ? {} : { platform }) },
      },
      architecture,
    },
  ];
}

/** The image by the digest that the lock has. */
function pinnedImage(options: DockerImageOptions, [locked]: readonly LockedArchive[]): DockerImageOptions {
  const digest = locked?.releases[0]?.content ?? '';
  if (options.image === undefined || !digest.startsWith('sha256:')) return options;
  return { ...options, image: `${splitImageName(options.image).repository}@${digest}` };
}

export const dockerImageSource = defineSource({
  type: 'docker-image',
  summary: 'Begins with an image of the Docker daemon, pulled or built first.',
  description: `What a name stands for is looked up once and written into \`imgpipe.lock\` by its digest; with the image at hand a build
then needs no network. An image with \`pull: false\`, one behind \`login\` and one made of a Dockerfile are not in the lock: the daemon is
asked in every build. It is the image, not its name, that counts: as long as it is the same, no step runs again for its sake.`,
  schema: dockerImageSchema,
  keyVersion: 1,
  builders: ['docker'],
  archives: imageArchives,
  pinned: pinnedImage,
  untracked: (options) => {
    if (options.image === undefined) return 'the Dockerfile may give another image today';
    return options.image.includes('@') || isLocked(options)
      ? 'the Docker daemon is asked whether it still has the image'
      : 'its name may stand for another image today';
  },
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
