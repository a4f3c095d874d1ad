import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { dockerPath } from '../schema/docker-fields.ts';
import { stateOf } from './docker/state.ts';
import { defineExporter } from './exporter.ts';

const schema = z.strictObject({
  author: z.string().optional().describe('Author of the image.'),
  changes: z
    .array(z.string())
    .default([])
    .describe(
      'Dockerfile instructions for the image. Without CMD and ENTRYPOINT it has those of the first image.',
    ),
  message: z.string().optional().describe('Message of the commit.'),
  docker_path: dockerPath(),
});

export type DockerCommitOptions = z.output<typeof schema>;

export const dockerCommitExporter = defineExporter({
  type: 'docker-commit',
  summary: 'Commits the last state of a container to an image of the Docker daemon.',
  schema,
  keyVersion: 1,
  input: 'machine',
  extension: () => 'image',
  reproducible: false,
  untracked: () => 'the image may have been deleted from the daemon',
  run: async (options, context) =>
    await capture(async () => {
      const { commitImage } = await import('./docker/commit-image.ts');
      const id = await commitImage(stateOf(context), options, context);
      return {
        artifact: {
          files: [],
          builderId: 'packer.post-processor.docker-import',
          id,
          content: id,
          description: `Imported Docker image: ${id}`,
        },
      };
    }),
  examples: {
    good: [{ title: 'With a command', options: { changes: ['CMD ["nginx", "-g", "daemon off;"]'] } }],
    bad: [{ title: 'Wrong type', options: { changes: 'USER app' }, error: 'changes' }],
  },
});
