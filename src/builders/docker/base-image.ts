import path from 'node:path';
import type { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { DriverContext } from '../machine-builder.ts';
import { loggedIn } from '../../communicators/docker/registry-login.ts';
import type { DockerImageOptions } from '../../sources/docker-image.ts';

type Surroundings = Pick<DriverContext, 'log' | 'output' | 'resolvePath'>;

/** An image of the daemon. */
export interface BaseImage {
  /** `sha256:…` */
  readonly id: string;
  /** User that it runs as; empty: root. */
  readonly user: string;
}

/** Finds, pulls or builds the image that a pipeline begins with. @throws FailureError `source-failed` */
export async function prepareImage(
  options: DockerImageOptions,
  cli: DockerCli,
  surroundings: Surroundings,
): Promise<BaseImage> {
  const { image, build, pull = true } = options;
  if (build !== undefined) {
    surroundings.log('Building base image...');
    const built = await loggedIn(cli, options, surroundings, () =>
      buildImage(build, options, cli, surroundings),
    );
    return await inspectImage(cli, built);
  }
  const name = image ?? '';
  if (pull) {
    surroundings.log(`Pulling Docker image: ${name}`);
    // What a digest names cannot be another today: with the image at hand no network is needed.
    const known = name.includes('@sha256:') ? await findImage(cli, name) : undefined;
    if (known !== undefined) return known;
    await loggedIn(cli, options, surroundings, () =>
      cli.must(['pull', name, ...platformFlag(options.platform)], 'Error pulling Docker image', {
        reason: 'source-failed',
        onOutput: surroundings.output,
      }),
    );
  }
  return await inspectImage(cli, name);
}

async function findImage(cli: DockerCli, name: string): Promise<BaseImage | undefined> {
  const outcome = await describeImage(cli, name);
  return outcome.code === 0 ? baseImageOf(outcome.stdout) : undefined;
}

function describeImage(cli: DockerCli, name: string): ReturnType<DockerCli['run']> {
  return cli.run(['image', 'inspect', '--format', '{{.Id}} {{.Config.User}}', name]);
}

function baseImageOf(stdout: string): BaseImage {
  const [id = '', user = ''] = stdout.trim().split(' ');
  return { id, user };
}

/** @throws FailureError `source-failed` when the daemon has none of that name */
async function inspectImage(cli: DockerCli, name: string): Promise<BaseImage> {
  const { code, stdout, stderr } = await describeImage(cli, name);
  if (code === 0) return baseImageOf(stdout);
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
