import { basename } from 'node:path';
import { digestOfPath } from '../exporters/path-digest.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { Artifact, ArtifactFile } from '../model/artifact.ts';

/** A file that was just written, as part of an artifact. */
export async function newFile(path: string, signal: AbortSignal): Promise<ArtifactFile> {
  return { path, ...(await digestOfPath(path, signal)) };
}

/** The artifact with more files; its identity stays. */
export function withFiles(artifact: Artifact, files: readonly ArtifactFile[]): Artifact {
  return { ...artifact, files: [...artifact.files, ...files] };
}

/**
 * The first file of an artifact: the image, after which what is made of it is named.
 * @throws FailureError `post-failed` when the artifact lies elsewhere
 */
export function imageOf(artifact: Artifact): ArtifactFile {
  const [first] = artifact.files;
  if (first !== undefined) return first;
  throw new FailureError({
    reason: 'post-failed',
    message: `the artifact ${artifact.id} has no file that could be worked on`,
    hint: 'Put this post-processor before the one that sends the artifact away.',
  });
}

/** For `writes`: the names of files that are called after the image; not known where the image has no file. */
export function afterImage(
  files: readonly string[],
  names: (image: string) => readonly string[],
): readonly string[] | undefined {
  const [image] = files;
  return image === undefined ? undefined : names(image);
}

export const nameOf = (file: ArtifactFile): string => basename(file.path);
