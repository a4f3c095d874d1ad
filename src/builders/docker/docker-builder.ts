import { rendersMoving } from '../../template/packer-lower/moving-facts.ts';
import { defineMachineBuilder } from '../machine-builder.ts';
import { type DockerBuilderOptions, dockerBuilderSchema } from './options.ts';

export const dockerBuilder = defineMachineBuilder({
  type: 'docker',
  summary: 'Runs steps in a container of the Docker daemon, as the docker builder of Packer does.',
  description: `After every step the state of the container is kept as an image \`imgpipe-snapshot:…\` of the daemon, and the next step
begins in a new container of it. So a build goes on from the last step that has not changed; programs that a step leaves
running end with it.`,
  schema: dockerBuilderSchema,
  keyVersion: 1,
  disk: false,
  movingFacts: ['ID'],
  influence: ({ docker_path: _program, single_container: _single, ...options }) => ({
    platform: { docker: options },
    ...untrackedBecause(options),
  }),
  open: async (options, context) => {
    const { openDockerDriver } = await import('./driver.ts');
    return await openDockerDriver(options, context);
  },
  examples: {
    good: [
      { title: 'As it is', options: {} },
      { title: 'More rights', options: { privileged: true, volumes: { '/srv/packages': '/mnt/packages' } } },
    ],
    bad: [{ title: 'Wrong type', options: { cap_add: 'SYS_ADMIN' }, error: 'list' }],
  },
});

function untrackedBecause({
  volumes = {},
  run_command: words = [],
}: Pick<DockerBuilderOptions, 'volumes' | 'run_command'>): { readonly untracked?: string } {
  if (words.some((word) => rendersMoving(word, () => false)))
    return { untracked: 'run_command asks for a value that differs in every run' };
  const [folder] = Object.keys(volumes);
  return folder === undefined ? {} : { untracked: `it sees the folder ${folder} of this host` };
}
