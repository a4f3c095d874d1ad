import * as z from 'zod';
import { dockerPath } from '../../schema/docker-fields.ts';
import { DOCKER_OPTIONS } from '../../template/packer-kinds/builders.ts';

const { shape } = z.object(DOCKER_OPTIONS);

/** How containers run. Packer's own options, without those about where they begin and what comes of them. */
export const dockerBuilderSchema = z.strictObject({
  cap_add: shape.cap_add,
  cap_drop: shape.cap_drop,
  container_dir: shape.container_dir,
  device: shape.device,
  docker_path: dockerPath(),
  exec_user: shape.exec_user,
  fix_upload_owner: z
    .boolean()
    .default(true)
    .describe('Uploaded files come to belong to the user that the container runs as.'),
  platform: shape.platform,
  privileged: shape.privileged,
  pty: z.boolean().default(false).describe('Commands get a terminal.'),
  run_command: shape.run_command,
  runtime: shape.runtime,
  tmpfs: shape.tmpfs,
  volumes: shape.volumes,
  windows_container: shape.windows_container,
  single_container: z
    .boolean()
    .default(false)
    .describe(
      'All steps of a build run in one container, so that programs which a step leaves running are there for the next, as with Packer. States are kept as well, but each image holds everything since the first.',
    ),
});

export type DockerBuilderOptions = z.output<typeof dockerBuilderSchema>;
