import type { DockerCli } from '../../communicators/docker/docker-cli.ts';

/** Makes a container of an image that is never started, for commands that take a container only. */
export async function withContainer<T>(
  image: string,
  cli: DockerCli,
  body: (container: string) => Promise<T>,
): Promise<T> {
  // The shell is never run; an image without any command could not become a container otherwise.
  const container = await cli.must(['create', '--entrypoint=/bin/sh', image], 'Error creating container', {
    reason: 'export-failed',
  });
  try {
    return await body(container);
  } finally {
    await cli.run(['rm', '--force', container]);
  }
}
