import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { sha256Hex } from '../util/hash.ts';
import { defineExporter } from './exporter.ts';
import { imageConfig } from './oci/image-config.ts';
import { writeLayerTars } from './oci/layer-tar.ts';
import { containerFields } from './oci/options.ts';
import { packFolder } from './pack-folder.ts';

const schema = z.strictObject({
  ...containerFields,
  tag: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._/-]*(:[A-Za-z0-9_][A-Za-z0-9._-]*)?$/, 'must be a name such as web:1.0')
    .describe('Name of the image: `web:1.0`.'),
});

export const dockerArchiveExporter = defineExporter({
  type: 'docker-archive',
  summary: 'A container image as `docker save` writes it.',
  description:
    'For `docker load` of every version, and Podman. Layers are not compressed: that is what the format has.',
  schema,
  keyVersion: 1,
  tools: ['tar'],
  examples: {
    good: [{ title: 'A web server', options: { tag: 'web:1.0', cmd: ['nginx', '-g', 'daemon off;'] } }],
    bad: [
      { title: 'Without name', options: {}, error: 'tag' },
      { title: 'Capitals in the name', options: { tag: 'Web' }, error: 'must be a name such as web:1.0' },
    ],
  },
  input: 'layers',
  extension: () => 'docker.tar',
  readBackBy: ['skopeo', 'umoci'],
  reproducible: true,
  run: (options, context) =>
    capture(async () => {
      const folder = join(context.scratch, 'archive');
      await mkdir(folder);
      const layers = await writeLayerTars(context, {
        compression: 'none',
        folder,
        name: (sha256) => `${sha256}.tar`,
      });
      const config = imageConfig(options, context.pipeline, layers);
      const configName = `${sha256Hex(config)}.json`;
      const tag = options.tag.includes(':') ? options.tag : `${options.tag}:latest`;
      const manifest = [
        { Config: configName, RepoTags: [tag], Layers: layers.map(({ path }) => basename(path)) },
      ];
      await writeFile(join(folder, configName), config);
      await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
      await packFolder(context, folder);
    }),
});
