import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { dockerPath } from '../schema/docker-fields.ts';
import { stateOf } from './docker/state.ts';
import { defineExporter } from './exporter.ts';

export const dockerExportExporter = defineExporter({
  type: 'docker-export',
  summary: 'Writes the files of the last state of a container to a tar archive.',
  schema: z.strictObject({
    export_path: z.string().min(1).describe('The archive, relative to the template.'),
    docker_path: dockerPath(),
  }),
  keyVersion: 1,
  input: 'machine',
  extension: () => 'tar',
  reproducible: false,
  run: async ({ export_path: written, docker_path: program }, context) =>
    await capture(async () => {
      const { exportContainer } = await import('./docker/export-container.ts');
      const file = await exportContainer(stateOf(context).image, { written, program }, context);
      return {
        artifact: {
          files: [{ ...file, written }],
          builderId: 'packer.docker',
          id: 'Container',
          description: `Exported Docker file: ${written}`,
        },
      };
    }),
  examples: {
    good: [{ title: 'A tar', options: { export_path: 'out/web.tar' } }],
    bad: [{ title: 'No path', options: {}, error: 'export_path' }],
  },
});
