import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { CONTENT } from '../builders/file.ts';
import { ok } from '../diagnostics/failure.ts';
import { defineExporter } from './exporter.ts';
import { digestOfPath } from './path-digest.ts';

export const fileExporter = defineExporter({
  type: 'file',
  summary: 'The file that the builder `file` writes.',
  schema: z.strictObject({
    target: z.string().min(1).describe('The file, relative to the template: that of the builder.'),
  }),
  keyVersion: 1,
  input: 'machine',
  extension: () => 'file',
  reproducible: true,
  run: async ({ target }, { machine, pipeline: { directory, source }, signal }) => {
    const file = path.resolve(directory, target);
    // The builder wrote it when it began. When that was in an earlier build, the file may be gone, or be another by now.
    const content = machine?.info === undefined ? undefined : path.join(machine.folder, CONTENT);
    if (content !== undefined && !(await holds(file, content, source.untracked !== undefined, signal))) {
      await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
      await pipeline(
        createReadStream(content),
        // As the builder writes it: what stands in the template is for its user, a copy for all.
        createWriteStream(file, { mode: source.options['path'] === undefined ? 0o600 : 0o666 }),
      );
    }
    const { size, sha256 } = await digestOfPath(file, signal);
    return ok({
      artifact: {
        files: [{ path: file, written: target, size, sha256 }],
        builderId: 'packer.file',
        id: 'File',
        description: `Stored file: ${target}`,
      },
    });
  },
  examples: {
    good: [{ title: 'A file', options: { target: 'out/motd' } }],
    bad: [{ title: 'No target', options: {}, error: 'target' }],
  },
});

/** Whether a file is as the builder left it; one that steps of this build may have changed is so in any case. */
async function holds(file: string, content: string, isFree: boolean, signal: AbortSignal): Promise<boolean> {
  const status = statSync(file, { throwIfNoEntry: false });
  if (status === undefined || isFree || !status.isFile()) return status?.isFile() === true;
  const [there, wanted] = await Promise.all([file, content].map((one) => digestOfPath(one, signal)));
  return there?.sha256 === wanted?.sha256;
}
