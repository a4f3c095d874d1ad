import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../diagnostics/failure.ts';
import { outputFailure } from '../../exporters/output.ts';
import type { Artifact } from '../../model/artifact.ts';
import type { PostContext } from '../post-processor.ts';
import type { UploadOptions } from '../upload.ts';
import { temporaryName } from '../../util/temporary-name.ts';

/**
 * Copies the files of an artifact into a folder; each appears there by a rename, whole. A deleted copy is made again.
 * @throws FailureError `permission-denied`, `disk-full`, `aborted`
 */
export async function copyToFolder(
  { to }: UploadOptions,
  artifact: Artifact,
  { resolvePath, signal, progress, placed }: PostContext,
): Promise<Artifact> {
  const folder = to.startsWith('file://') ? fileURLToPath(to) : resolvePath(to);
  for (const [index, { path }] of artifact.files.entries()) {
    const target = join(folder, basename(path));
    const temporary = temporaryName(target);
    try {
      await mkdir(folder, { recursive: true });
      await cp(path, temporary, { recursive: true, verbatimSymlinks: true });
      signal.throwIfAborted();
      await rm(target, { recursive: true, force: true });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
      const failure = outputFailure(error, folder);
      throw failure === undefined
        ? error
        : new FailureError({ ...failure, hint: 'Make the folder writable, or name another one in `to`.' });
    }
    placed(target);
    progress(index + 1, artifact.files.length, 'files');
  }
  return artifact;
}
