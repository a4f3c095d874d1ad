import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import { imageOf, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor } from './post-processor.ts';

const schema = z.strictObject({
  formats: z
    .array(z.enum(['spdx', 'cyclonedx']))
    .min(1)
    .default(['spdx'])
    .describe('`spdx`: SPDX 2.3 in `<image>.spdx.json`; `cyclonedx`: CycloneDX 1.6 in `<image>.cdx.json`.'),
  files: z
    .boolean()
    .default(true)
    .describe(
      'Names every file of the image with its SHA-1 and SHA-256, and the package that it belongs to.',
    ),
});

export const sbomPostProcessor = definePostProcessor({
  type: 'sbom',
  summary: 'A bill of materials: all packages and files of the image.',
  description: `Packages are those of the image's own database (dpkg, apk), so they are what is installed and not what was asked for. Files come with
digests; those of the image itself (kernel, configuration, everything that no package brought) as well. The document holds no time of
its own: same image, same bytes. An ordinary user who builds cannot read all files of the image; those have their SHA-256 only.`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  reads: 'layers',
  examples: {
    good: [
      { title: 'SPDX', options: {} },
      { title: 'Both, packages only', options: { formats: ['spdx', 'cyclonedx'], files: false } },
    ],
    bad: [{ title: 'Unknown format', options: { formats: ['swid'] }, error: 'formats' }],
  },
  reproducible: true,
  run: (options, artifact, { pipeline, layers, stage, signal }) =>
    capture(async () => {
      const image = nameOf(imageOf(artifact));
      if (layers.view.length === 0) {
        throw new FailureError({
          reason: 'post-failed',
          message: `a bill of materials needs layers of files, which ${pipeline.id} has not: a machine of its builder made the image`,
        });
      }
      const { takeInventory } = await import('../layers/sbom/inventory-of-layers.ts');
      const inventory = takeInventory(layers, { withFiles: options.files, signal });
      const { id: name, sourceDateEpoch } = pipeline;
      const facts = { name, sourceDateEpoch, images: artifact.files, inventory };
      const made = [];
      for (const format of new Set(options.formats)) {
        const path = join(stage, `${image}.${format === 'spdx' ? 'spdx' : 'cdx'}.json`);
        const document =
          format === 'spdx'
            ? (await import('../layers/sbom/spdx.ts')).spdxDocument(facts)
            : (await import('../layers/sbom/cyclonedx.ts')).cyclonedxDocument(facts);
        await writeFile(path, `${JSON.stringify(document)}\n`);
        made.push(await newFile(path, signal));
      }
      return withFiles(artifact, made);
    }),
});
