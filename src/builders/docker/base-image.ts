import path from 'node:path';
import type { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { DriverContext } from '../machine-builder.ts';
import { loggedIn } from '../../communicators/docker/registry-login.ts';
import type { DockerImageOptions } from '../../sources/docker-image.ts';

type Surroundings = Pick<DriverContext, 'log' | 'output' | 'resolvePath'>;

/** Finds, pulls or builds the image that a pipeline begins with and gives its id. @throws FailureError `source-failed` */
export async function prepareImage(
  options: DockerImageOptions,
  cli: DockerCli,
  surroundings: Surroundings,
): Promise<string> {
  const { image, build, pull = true } = options;
  if (build !== undefined) {
    surroundings.log('Building base image...');
    return await loggedIn(cli, options, surroundings, () => buildImage(build, options, cli, surroundings));
  }
  const name = image ?? '';
  if (pull) {
    surroundings.log(`Pulling Docker image: ${name}`);
    await loggedIn(cli, options, surroundings, () =>
      cli.must(['pull', name, ...platformFlag(options.platform)], 'Error pulling Docker image', {
        reason: 'source-failed',
        onOutput: surroundings.output,
      }),
    );
  }
  return await imageId(cli, name);
}

/** Id of an image, `sha256:…`. @throws FailureError `source-failed` when the daemon has none of that name */
export async function imageId(cli: DockerCli, name: string): Promise<string> {
  const { code, stdout, stderr } = await cli.run(['image', 'inspect', '--format', '{{.Id}}', name]);
  if (code === 0) return stdout.trim();
  const missing = stderr.includes('No such image');
  throw new FailureError({
    reason: 'source-failed',
    message: missing
      ? `the Docker daemon has no image ${name}`
      : `Error determining source Docker image Id: ${stderr.trim()}`,
    hint: missing
      ? 'Load or build it first, or let it be pulled (`pull: true`).'
      : 'See whether `docker info` works.',
  });
}

async function buildImage(
  build: NonNullable<DockerImageOptions['build']>,
  { platform }: DockerImageOptions,
  cli: DockerCli,
  { log, output, resolvePath }: Surroundings,
): Promise<string> {
  const values = Object.entries(build.arguments ?? {}).flatMap(([name, value]) => [
    '--build-arg',
    `${name}=${value}`,
  ]);
  const printed = await cli.must(
    [
      'build',
      '--quiet',
      '-f',
      path.resolve(resolvePath(build.path ?? '')),
      ...platformFlag(platform),
      ...(build.pull === false ? [] : ['--pull']),
      ...(build.compress === true ? ['--compress'] : []),
      ...values,
      resolvePath(build.build_dir ?? '.'),
    ],
    'docker build failed',
    { reason: 'source-failed', onOutput: (chunk) => (chunk.stream === 'stderr' ? output(chunk) : undefined) },
  );
  const id = printed.split('\n').at(-1)?.trim() ?? '';
  log(`Finished building base image "${id}"`);
  return id;
}

export const platformFlag = (platform: string | undefined): readonly string[] =>
  platform === undefined || platform === '' ? [] : ['--platform', platform];
