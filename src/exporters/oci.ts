import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { levelMistake } from './compression.ts';
import { defineExporter } from './exporter.ts';
import { ZLIB, ZSTD } from './node-compressors.ts';
import { writeLayout } from './oci/layout.ts';
import { containerFields } from './oci/options.ts';
import { packFolder } from './pack-folder.ts';

const schema = z
  .strictObject({
    ...containerFields,
    form: z
      .enum(['archive', 'folder'])
      .default('archive')
      .describe(
        '`archive`: the layout in one tar. `folder`: the layout itself, for `oci:` of skopeo and Podman.',
      ),
    compression: z
      .enum(['gz', 'zstd', 'none'])
      .default('gz')
      .describe(
        'How layers are compressed. Every reader knows `gz`; `zstd` needs containerd 1.5, Docker 23 or Podman 4.',
      ),
    level: z
      .int()
      .min(1)
      .max(19)
      .optional()
      .describe('Effort of the compression: gz 1–9 (default 6), zstd 1–19 (default 3).'),
  })
  .superRefine(({ compression, level }, context) => {
    const message = levelMistake(compression, level);
    if (message !== undefined) context.addIssue({ code: 'custom', path: ['level'], message });
  });

export const ociExporter = defineExporter({
  type: 'oci',
  summary: 'A container image in the OCI format.',
  description: `A folder or a tar with an OCI image layout, as \`podman load\`, \`skopeo copy oci-archive:…\`, \`docker load\` (from 25) and \`ctr image import\`
take it. Layers of the image are layers of the container, one to one, so that a
registry stores what did not change only once.`,
  schema,
  keyVersion: 3,
  tools: ['tar'],
  examples: {
    good: [
      { title: 'A web server', options: { cmd: ['nginx', '-g', 'daemon off;'], ports: ['80/tcp'] } },
      { title: 'Small', options: { compression: 'zstd', level: 19, tag: 'web:1.0' } },
    ],
    bad: [
      { title: 'Port without protocol', options: { ports: ['80'] }, error: 'such as 80/tcp' },
      { title: 'Command as text', options: { cmd: 'nginx' }, error: 'cmd' },
    ],
  },
  input: 'layers',
  reads: () => ({ ...ZLIB, ...ZSTD }),
  extension: ({ form }) => (form === 'archive' ? 'oci.tar' : 'oci'),
  isFolder: ({ form }) => form === 'folder',
  readBackBy: ['skopeo', 'umoci'],
  reproducible: true,
  run: (options, context) =>
    capture(async () => {
      const folder = join(context.scratch, 'layout');
      if (options.form === 'folder') await writeLayout(context, options, context.outputPath);
      else {
        await writeLayout(context, options, folder);
        await packFolder(context, folder);
      }
    }),
});
