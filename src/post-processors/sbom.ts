import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import type { Inventory } from '../layers/sbom/inventory.ts';
import type { Artifact } from '../model/artifact.ts';
import { afterImage, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor, type PostContext } from './post-processor.ts';

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
its own: same image, same bytes. An ordinary user who builds cannot read all files of the image; those have their SHA-256 only.

Where a machine has made the image (builders \`qemu\` and \`docker\`), there are no layers of files; then they are read from what is
exported: from the ext4 file system of a disk (\`qcow2\`, \`raw\`, \`vmdk\`, \`vdi\`, \`vhd\`, \`vhdx\`, not packed), which is not mounted for it, or
from the container.`,
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
  writes: ({ formats }, files) =>
    afterImage(files, (image) => formats.map((format) => documentName(image, format))),
  run: (options, artifact, context) =>
    capture(async () => {
      const { pipeline, stage, signal } = context;
      const [file] = artifact.files;
      const image = file === undefined ? fileStem(pipeline.id) : nameOf(file);
      const inventory = await inventoryOf(artifact, context, options.files);
      const { id: name, sourceDateEpoch } = pipeline;
      const facts = { name, sourceDateEpoch, images: artifact.files, inventory };
      const made = [];
      for (const format of new Set(options.formats)) {
        const path = join(stage, documentName(image, format));
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

const documentName = (image: string, format: 'spdx' | 'cyclonedx'): string =>
  `${image}.${format === 'spdx' ? 'spdx' : 'cdx'}.json`;

/** What the image holds, by its layers, or else by what its machine has left. */
async function inventoryOf(artifact: Artifact, context: PostContext, withFiles: boolean): Promise<Inventory> {
  const { layers, signal } = context;
  if (layers.view.length > 0) {
    const { takeInventory } = await import('../layers/sbom/inventory-of-layers.ts');
    return takeInventory(layers, { withFiles, signal });
  }
  const { takeMachineFiles } = await import('./sbom/machine-files.ts');
  const { inventoryOfFolder } = await import('../layers/sbom/inventory-of-folder.ts');
  const folder = await takeMachineFiles(artifact, context, withFiles);
  return inventoryOfFolder(folder, { withFiles, signal });
}

/** Name of the documents of an image that is no file. */
const fileStem = (pipeline: string): string => pipeline.replaceAll(/[^A-Za-z0-9._-]/g, '_');
