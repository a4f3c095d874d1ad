import { FailureError } from '../../diagnostics/failure.ts';
import type { Artifact } from '../../model/artifact.ts';

/** What made an artifact, in Packer's words; post-processors take what they know only. */
export const DOCKER_BUILDER = 'packer.docker';
export const DOCKER_IMPORT = 'packer.post-processor.docker-import';
export const DOCKER_TAG = 'packer.post-processor.docker-tag';
export const ARTIFICE = 'packer.post-processor.artifice';

/** An image of the daemon as an artifact. `image`: its id; `tags`: all names that it was given. */
export const imageArtifact = (
  id: string,
  {
    image,
    builderId,
    tags = [],
  }: { readonly image: string; readonly builderId: string; readonly tags?: readonly string[] },
): Artifact => ({
  files: [],
  builderId,
  id,
  content: image,
  description: `Imported Docker image: ${id}${tags.length === 0 ? '' : ` with tags ${tags.join(' ')}`}`,
  ...(tags.length === 0 ? {} : { names: tags }),
});

/** @throws FailureError `post-failed` in Packer's words, for an artifact of something else */
export function demandBuilder(artifact: Artifact, known: readonly string[], what: string): void {
  if (known.includes(artifact.builderId)) return;
  throw new FailureError({
    reason: 'post-failed',
    message: `Unknown artifact type: ${artifact.builderId}\n${what}`,
  });
}
