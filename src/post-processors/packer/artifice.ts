import * as z from 'zod';
import { capture } from '../../diagnostics/failure.ts';
import { definePostProcessor } from '../post-processor.ts';
import { goGlob } from './go-glob.ts';
import { artifactOf, createdFrom, userFile, writtenPath } from './user-file.ts';

export const packerArtificePostProcessor = definePostProcessor({
  type: 'packer-artifice',
  summary: 'Puts other files in the place of the artifact, as the artifice post-processor of Packer does.',
  schema: z.strictObject({
    files: z
      .array(z.string().min(1))
      .min(1)
      .describe('Files, or patterns of files, that the artifact consists of from now on.'),
  }),
  keyVersion: 1,
  keepInput: { default: true },
  untracked: () => 'its files are of this host',
  reproducible: false,
  run: async ({ files: patterns }, artifact, context) =>
    await capture(async () => {
      if (artifact.files.length > 0)
        context.log(`Discarding files from artifact: ${artifact.files.map(writtenPath).join(', ')}`);
      const cwd = context.resolvePath('.');
      const found = patterns.flatMap((pattern) => goGlob(pattern, cwd));
      const files = await Promise.all(found.map(async (file) => await userFile(file, context)));
      context.log(`Using these artifact files: ${files.map(writtenPath).join(', ')}`);
      return artifactOf('artifice', files, createdFrom(files));
    }),
  examples: {
    good: [{ title: 'What a script made', options: { files: ['out/*.img', 'out/README'] } }],
    bad: [{ title: 'No files', options: { files: [] }, error: 'files' }],
  },
});
