import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { appendFile, mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { capture } from '../../diagnostics/failure.ts';
import type { ArtifactFile } from '../../model/artifact.ts';
import { BUILD_FIELDS } from '../../provisioners/packer/build-fields.ts';
import { renderedAnew } from '../../provisioners/packer/rendered-anew.ts';
import { RUN_FACT } from '../../template/packer-lower/moving-facts.ts';
import { definePostProcessor } from '../post-processor.ts';
import { artifactOf, createdFrom, renderPath, userFile } from './user-file.ts';

const schema = z.strictObject({
  checksum_types: z
    .array(z.enum(['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512']))
    .default(['md5'])
    .describe('Kinds of checksums.'),
  output: z
    .string()
    .default('packer_{{.BuildName}}_{{.BuilderType}}_{{.ChecksumType}}.checksum')
    .describe('File to add lines to.'),
  ...BUILD_FIELDS,
});

export const packerChecksumPostProcessor = definePostProcessor({
  type: 'packer-checksum',
  summary: 'Writes checksums of the files, as the checksum post-processor of Packer does.',
  description:
    'A line is the checksum, a tab and the name of the file. Lines are added to what the file holds.',
  schema,
  keyVersion: 1,
  keepInput: { default: true, forced: true },
  untracked: (options) => renderedAnew(options, (fact) => fact === RUN_FACT),
  reproducible: true,
  run: async (options, artifact, context) =>
    await capture(async () => {
      const created: string[] = [];
      for (const type of options.checksum_types) {
        for (const file of artifact.files) {
          const output = renderPath(options.output, options, context, { ChecksumType: type });
          const target = context.resolvePath(output);
          if (!existsSync(target)) created.push(output);
          else context.placed(target);
          await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
          const sum = await hashOf(file, type, context.signal);
          await appendFile(target, `${sum}\t${path.basename(file.path)}\n`, { mode: 0o644 });
        }
      }
      const files = [...artifact.files];
      for (const output of created) files.push(await userFile(output, context));
      return artifactOf('checksum', files, createdFrom(files));
    }),
  examples: {
    good: [
      {
        title: 'Two kinds',
        options: { checksum_types: ['sha256', 'sha512'], output: 'SUMS.{{.ChecksumType}}' },
      },
    ],
    bad: [{ title: 'An unknown kind', options: { checksum_types: ['crc32'] }, error: 'checksum_types' }],
  },
});

async function hashOf(file: ArtifactFile, type: string, signal: AbortSignal): Promise<string> {
  const hash = createHash(type);
  await pipeline(createReadStream(file.path), hash, { signal });
  return hash.digest('hex');
}
