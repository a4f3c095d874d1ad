import * as z from 'zod';
import { loggedIn } from '../communicators/docker/registry-login.ts';
import { capture } from '../diagnostics/failure.ts';
import { lateSecrets, fillLateValues } from '../model/late-value.ts';
import { dockerPath, registryFields } from '../schema/docker-fields.ts';
import { dockerFor, linesTo } from './docker/docker-context.ts';
import { demandBuilder, DOCKER_IMPORT, DOCKER_TAG } from './docker/image-artifact.ts';
import { definePostProcessor } from './post-processor.ts';

const schema = z.strictObject({
  ...registryFields(),
  platform: z.string().optional().describe('Platform of an image that has several.'),
  docker_path: dockerPath(),
});

export const dockerPushPostProcessor = definePostProcessor({
  type: 'docker-push',
  summary: 'Pushes an image of the Docker daemon to its registry, as the post-processor of Packer does.',
  description: 'A login holds for this push alone: it is kept in a folder that is deleted afterwards.',
  schema,
  keyVersion: 1,
  keepInput: { default: true },
  reproducible: true,
  secrets: lateSecrets,
  untracked: () => 'somebody may have changed the registry',
  run: (options, artifact, context) =>
    capture(async () => {
      demandBuilder(
        artifact,
        [DOCKER_IMPORT, DOCKER_TAG],
        'Can only import from docker-import and docker-tag artifacts.',
      );
      const filled = await fillLateValues(options, (sort, name) =>
        sort === 'secret' ? context.secret(name) : '',
      );
      // The user's own logins count unless there is a login of the build's own.
      const own = options.login && process.env['DOCKER_CONFIG'] === undefined;
      const cli = dockerFor(options.docker_path, context, own ? context.scratch : undefined);
      const { platform = '' } = options;
      const output = linesTo(context.log);
      await loggedIn(cli, filled, { log: context.log, output }, async () => {
        for (const name of new Set([artifact.id, ...(artifact.names ?? [])])) {
          context.log(`Pushing: ${name}`);
          await cli.must(
            ['push', name, ...(platform === '' ? [] : ['--platform', platform])],
            `Error pushing ${name}`,
            { onOutput: output, reason: 'post-failed' },
          );
        }
      });
      return { ...artifact, builderId: DOCKER_IMPORT };
    }),
  examples: {
    good: [
      { title: 'With the logins of the user', options: {} },
      {
        title: 'With a login',
        options: { login: true, login_username: 'ci', login_server: 'https://registry.example' },
      },
    ],
    bad: [{ title: 'Wrong type', options: { login: 'yes' }, error: 'login' }],
  },
});
