import { access, constants, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../diagnostics/failure.ts';
import { noSpaceToWrite } from '../../diagnostics/no-space.ts';
import { outputFailure } from '../../exporters/output.ts';
import { runTool } from '../../exporters/run-tool.ts';
import type { Artifact } from '../../model/artifact.ts';
import type { PostContext } from '../post-processor.ts';
import type { UploadOptions } from '../upload.ts';
import { temporaryName } from '../../util/temporary-name.ts';

/**
 * Copies the files of an artifact into a folder; each appears there by a rename, whole, and holes stay holes. A deleted
 * copy is made again.
 * @throws FailureError `permission-denied`, `disk-full`, `post-failed`, `aborted`
 */
export async function copyToFolder(
  { to }: UploadOptions,
  artifact: Artifact,
  context: PostContext,
): Promise<Artifact> {
  const folder = to.startsWith('file://') ? fileURLToPath(to) : context.resolvePath(to);
  for (const [index, { path }] of artifact.files.entries()) {
    const target = join(folder, basename(path));
    const temporary = temporaryName(target);
    context.guard(temporary, `half-written ${target}`);
    try {
      await mkdir(folder, { recursive: true });
      await access(folder, constants.W_OK);
      const { isFolder } = await copy(path, temporary, context);
      // A rename takes the place of a file at once; a folder has to leave before.
      if (isFolder || (await isDirectory(target))) await rm(target, { recursive: true, force: true });
      await rename(temporary, target);
    } catch (error) {
      await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
      throw uploadFailure(error, folder);
    }
    context.placed(target);
    context.progress(index + 1, artifact.files.length, 'files');
  }
  return artifact;
}

/** What an error of copying means; the hints of exports speak of other folders. */
function uploadFailure(error: unknown, folder: string): unknown {
  const failure = error instanceof FailureError ? error.failures[0] : outputFailure(error, folder);
  switch (failure?.reason) {
    case 'disk-full':
      return new FailureError({ ...failure, ...noSpaceToWrite(folder, '`to`') });
    case 'permission-denied':
      return new FailureError({ ...failure, hint: 'Make the folder writable, or name another one in `to`.' });
    default:
      return failure === undefined ? error : new FailureError(failure);
  }
}

/** A file gets the mode that the user's new files have; in a folder everything stays as it is, owners included. */
async function copy(from: string, to: string, context: PostContext): Promise<{ isFolder: boolean }> {
  const isFolder = await isDirectory(from);
  const form = isFolder ? ['-a', '--no-target-directory'] : [];
  const argv = ['cp', ...form, '--sparse=auto', '--reflink=auto', '--', from, to] as const;
  await runTool(context, { argv, reason: 'post-failed' });
  return { isFolder };
}

async function isDirectory(path: string): Promise<boolean> {
  return await lstat(path).then(
    (stat) => stat.isDirectory(),
    () => false,
  );
}
