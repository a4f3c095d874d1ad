import { digestOfPath } from '../../exporters/path-digest.ts';
import type { Artifact, ArtifactFile } from '../../model/artifact.ts';
import { renderText } from '../../provisioners/packer/render.ts';
import type { BuildFields } from '../../provisioners/packer/build-fields.ts';
import type { PostContext } from '../post-processor.ts';

/** A file where the user said, as part of an artifact. */
export async function userFile(written: string, context: PostContext): Promise<ArtifactFile> {
  const file = context.resolvePath(written);
  return { path: file, written, ...(await digestOfPath(file, context.signal)) };
}

/** Path of a file as the user, or Packer, would write it. */
export const writtenPath = (file: ArtifactFile): string => file.written ?? file.path;

/** A path with what Packer renders when the post-processor runs. @throws FailureError `template-invalid` */
export function renderPath(
  text: string,
  options: BuildFields,
  context: PostContext,
  data: Readonly<Record<string, string>> = {},
): string {
  const names = { BuildName: options.packer_build_name, BuilderType: options.packer_builder_type };
  const build = { build: options, facts: {}, directory: context.resolvePath('.') };
  return renderText(text, build, { ...names, ...data });
}

/** An artifact of files as Packer's own post-processors give it. */
export function artifactOf(kind: string, files: readonly ArtifactFile[], description: string): Artifact {
  return { files, builderId: `packer.post-processor.${kind}`, id: '', description };
}

/** What Packer says of an artifact of several files. */
export const createdFrom = (files: readonly ArtifactFile[]): string =>
  `Created artifact from files: ${files.map(writtenPath).join(', ')}`;
