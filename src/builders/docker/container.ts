import type { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { unwrap } from '../../diagnostics/failure.ts';
import { nodeWorld } from '../../template/packer-hcl/functions/node-world.ts';
import { engineFunctions } from '../../template/packer-hcl/go-template/packer-functions.ts';
import { renderGoTemplate } from '../../template/packer-hcl/go-template/render-go.ts';
import { SourceText } from '../../template/packer-hcl/syntax/source-text.ts';
import { expandHome } from '../../util/home-folder.ts';
import type { DriverContext } from '../machine-builder.ts';
import { platformFlag } from './base-image.ts';
import type { DockerBuilderOptions } from './options.ts';

const RUN_COMMAND = ['-d', '-i', '-t', '--entrypoint=/bin/sh', '--', '{{.Image}}'];

export interface ContainerRequest {
  readonly image: string;
  readonly name: string;
  /** Folder of the host that it sees. */
  readonly shared: string;
}

/** Starts a container of an image as the options say and gives its id. */
export async function startContainer(
  request: ContainerRequest,
  options: DockerBuilderOptions,
  cli: DockerCli,
  { log, output }: Pick<DriverContext, 'log' | 'output'>,
): Promise<string> {
  const args = runArguments(request, options);
  log('Starting docker container...');
  output({ stream: 'stdout', text: `Run command: ${options.docker_path} ${args.join(' ')}\n` });
  const container = await cli.must(args, 'Error running container');
  output({ stream: 'stdout', text: `Container ID: ${container}\n` });
  return container;
}

/** The words of `docker run`, in Packer's order. */
export function runArguments(
  { image, name, shared }: ContainerRequest,
  options: DockerBuilderOptions,
): string[] {
  const each = (flag: string, values: readonly string[] | undefined): string[] =>
    (values ?? []).flatMap((value) => [flag, value]);
  const template = (options.run_command ?? []).length > 0 ? options.run_command : undefined;
  const volumes = { ...options.volumes, [shared]: options.container_dir || '/packer-files' };
  return [
    'run',
    '--name',
    name,
    ...each('--device', options.device),
    ...each('--cap-add', options.cap_add),
    ...each('--cap-drop', options.cap_drop),
    ...(options.privileged === true ? ['--privileged'] : []),
    ...(options.runtime === undefined || options.runtime === '' ? [] : ['--runtime', options.runtime]),
    ...platformFlag(options.platform),
    ...each('--tmpfs', options.tmpfs),
    ...Object.entries(volumes).flatMap(([host, guest]) => ['-v', `${expandHome(host)}:${guest}`]),
    ...(template ?? RUN_COMMAND).map((word) => render(word, image)),
  ];
}

const render = (word: string, image: string): string =>
  word.includes('{{')
    ? unwrap(
        renderGoTemplate(new SourceText('<text>', word), {
          data: { Image: image },
          functions: engineFunctions({ world: nodeWorld({ baseDirectory: '.' }) }),
        }),
      )
    : word;
