import * as z from 'zod';
import { environmentName, imagePath } from '../../schema/image-fields.ts';

const command = (): z.ZodArray<z.ZodString> => z.array(z.string()).min(1);

/** Options by which a container starts, the same for all formats of container images (OCI image specification 1.1, "Image Configuration"). */
export const containerFields = {
  tag: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._/:-]*$/, 'must be a name such as web:1.0')
    .default('latest')
    .describe('Name of the image, or a tag: `web:1.0`, `latest`.'),
  cmd: command().optional().describe('Command that runs by default, or arguments of `entrypoint`.'),
  entrypoint: command().optional().describe('Command that always runs.'),
  env: z
    .record(environmentName(), z.string())
    .default({})
    .describe('Environment of the command. `PATH` has a default.'),
  user: z
    .string()
    .min(1)
    .optional()
    .describe('User, or `user:group`, that the command runs as. Default: root.'),
  workingDirectory: imagePath().optional().describe('Folder that the command starts in.'),
  ports: z
    .array(z.string().regex(/^\d+\/(tcp|udp|sctp)$/, 'must be a port with its protocol, such as 80/tcp'))
    .default([])
    .describe('Ports that the command listens on, such as `80/tcp`.'),
  volumes: z
    .array(imagePath())
    .default([])
    .describe('Folders whose content belongs outside of the container.'),
  stopSignal: z
    .string()
    .regex(/^SIG[A-Z0-9+-]+$/, 'must be the name of a signal, such as SIGTERM')
    .optional()
    .describe('Signal that stops the command.'),
  labels: z.record(z.string(), z.string()).default({}).describe('Labels of the image.'),
};

const containerSchema = z.strictObject(containerFields);
export type ContainerOptions = z.output<typeof containerSchema>;
