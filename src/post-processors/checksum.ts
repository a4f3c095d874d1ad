import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { capture, FailureError } from '../diagnostics/failure.ts';
import type { ArtifactFile } from '../model/artifact.ts';
import { fileName } from './file-name-field.ts';
import { afterImage, imageOf, nameOf, newFile, withFiles } from './new-file.ts';
import { definePostProcessor } from './post-processor.ts';

/** Kinds of checksums by the name of the program that checks them, less its `sum`, with Node's name for each. */
const ALGORITHMS = {
  md5: 'md5',
  sha1: 'sha1',
  sha224: 'sha224',
  sha256: 'sha256',
  sha384: 'sha384',
  sha512: 'sha512',
  b2: 'blake2b512',
} as const;
type Algorithm = keyof typeof ALGORITHMS;

const schema = z.strictObject({
  types: z
    .array(z.enum(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'b2']))
    .min(1)
    .default(['sha256'])
    .describe('Kinds of checksums; a file is written for each.'),
  fileName: fileName()
    .optional()
    .describe('Name of the file, to which the kind is added. Default: the name of the image.'),
});

const COMPRESS_FIRST = 'Put `compress` before it.';

export const checksumPostProcessor = definePostProcessor({
  type: 'checksum',
  summary: 'Checksums of all files of the artifact.',
  description: `Writes \`<image>.sha256\` and the like, as \`sha256sum -c\` reads them. (\`SHA256SUMS\` with all files of the output folder is
always there.)`,
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  examples: {
    good: [
      { title: 'SHA-256', options: {} },
      { title: 'Two kinds', options: { types: ['sha512', 'b2'] } },
    ],
    bad: [{ title: 'Unknown kind', options: { types: ['crc32'] }, error: 'types' }],
  },
  reproducible: true,
  refuses: ({ isFolder }) =>
    isFolder ? { message: 'a folder has no checksum', hint: COMPRESS_FIRST } : undefined,
  writes: (options, files) =>
    afterImage(files, (image) => options.types.map((type) => sumName(options, image, type))),
  run: (options, artifact, { stage, signal }) =>
    capture(async () => {
      const image = nameOf(imageOf(artifact));
      const made = await Promise.all(
        options.types.map(async (type) => {
          const lines = [];
          for (const file of artifact.files)
            lines.push(`${await sumOf(file, type, signal)}  ${nameOf(file)}\n`);
          const path = join(stage, sumName(options, image, type));
          await writeFile(path, lines.join(''));
          return await newFile(path, signal);
        }),
      );
      return withFiles(artifact, made);
    }),
});

const sumName = ({ fileName: stem }: z.output<typeof schema>, image: string, type: Algorithm): string =>
  `${stem ?? image}.${type}`;

async function sumOf(file: ArtifactFile, type: Algorithm, signal: AbortSignal): Promise<string> {
  if (statSync(file.path).isDirectory()) {
    throw new FailureError({
      reason: 'post-failed',
      message: `${nameOf(file)} is a folder, which has no checksum`,
      hint: COMPRESS_FIRST,
    });
  }
  if (type === 'sha256') return file.sha256;
  const hash = createHash(ALGORITHMS[type]);
  await pipeline(createReadStream(file.path, { highWaterMark: 2 ** 20 }), hash, { signal });
  return hash.digest('hex');
}
