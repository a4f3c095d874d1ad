import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { VERSION } from '../util/version.ts';
import { fileName } from './file-name-field.ts';
import { afterImage, imageOf, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor } from './post-processor.ts';

const schema = z.strictObject({
  fileName: fileName()
    .optional()
    .describe('Name of the file. Default: the name of the image and `.manifest.json`.'),
  data: z
    .record(z.string(), z.string())
    .default({})
    .describe('Further values to write down, such as a version or a ticket.'),
});

export const manifestPostProcessor = definePostProcessor({
  type: 'manifest',
  summary: 'A JSON file that lists the files of the artifact and the keys of all steps behind it.',
  description: `For scripts that come after the build: files with sizes and digests, and for every node from the source to the export its
key and what it gave. It holds no time and no name of the machine: same build, same bytes.`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  reads: 'build',
  examples: {
    good: [
      { title: 'Beside the image', options: {} },
      { title: 'With a value of one’s own', options: { data: { ticket: 'OPS-12' } } },
    ],
    bad: [{ title: 'Folder in the name', options: { fileName: '../m.json' }, error: 'must be a file name' }],
  },
  reproducible: true,
  writes: (options, files) => afterImage(files, (image) => [manifestName(options, image)]),
  run: (options, artifact, { pipeline, exportId, stage, signal, build }) =>
    capture(async () => {
      const manifest = {
        manifestVersion: 1,
        createdBy: { name: 'imgpipe', version: VERSION },
        pipeline: pipeline.id,
        export: exportId.slice(pipeline.id.length + 1),
        architecture: pipeline.architecture,
        sourceDateEpoch: pipeline.sourceDateEpoch,
        builderId: artifact.builderId,
        files: artifact.files.map((file) => ({ file: nameOf(file), size: file.size, sha256: file.sha256 })),
        nodes: build().map(({ id, role, key, output }) => ({ id, role, key, ...digestOf(output) })),
        ...(Object.keys(options.data).length === 0 ? {} : { data: options.data }),
      };
      const path = join(stage, manifestName(options, nameOf(imageOf(artifact))));
      await writeFile(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
      return withFiles(artifact, [await newFile(path, signal)]);
    }),
});

const manifestName = ({ fileName: name }: z.output<typeof schema>, image: string): string =>
  name ?? `${image}.manifest.json`;

/** What identifies a node's result. */
function digestOf(output: { readonly type: string; readonly digest?: string; readonly sha256?: string }): {
  digest?: string;
} {
  if (output.digest !== undefined) return { digest: output.digest };
  return output.sha256 === undefined ? {} : { digest: `sha256:${output.sha256}` };
}
