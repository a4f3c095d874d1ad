import { DockerCli } from '../communicators/docker/docker-cli.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { LockedArchive, TaggedImage } from '../model/archive.ts';
import { splitImageName } from '../sources/docker-image.ts';

/**
 * Asks the registry, through the daemon, what a name stands for. The image is pulled: the build needs it next.
 * @param known the entry there is; it stays while the image is still known by its digest
 * @throws FailureError `source-failed`, `tool-missing`
 */
export async function resolveImage(
  { name, platform, program }: TaggedImage,
  known: LockedArchive | undefined,
  { resolved, signal }: { readonly resolved: string; readonly signal: AbortSignal },
): Promise<LockedArchive> {
  const cli = new DockerCli({ program, signal });
  const flags = platform === undefined ? [] : ['--platform', platform];
  await cli.must(['pull', '--quiet', ...flags, name], `Error pulling Docker image ${name}`, {
    reason: 'source-failed',
  });
  const printed = await cli.must(
    ['image', 'inspect', '--format', '{{range .RepoDigests}}{{println .}}{{end}}', name],
    `Error inspecting Docker image ${name}`,
    { reason: 'source-failed' },
  );
  const { repository, tag } = splitImageName(name);
  const digests = digestsOf(printed, repository);
  const [first] = digests;
  if (first === undefined) {
    throw new FailureError({
      reason: 'source-failed',
      message: `the Docker daemon does not say by which digest the registry gives ${name}`,
      hint: 'Name the image by its digest: NAME@sha256:….',
    });
  }
  const before = known?.releases[0]?.content;
  if (known !== undefined && before !== undefined && digests.includes(before)) return known;
  return {
    resolved,
    releases: [
      { uri: repository, suite: tag, components: [], date: resolved, release: first, content: first },
    ],
  };
}

/** The digests of an image in one repository; Docker leaves out what its own registry's names begin with. */
function digestsOf(printed: string, repository: string): readonly string[] {
  const short = (name: string): string => name.replace(/^docker\.io\/(?:library\/)?/, '');
  return printed.split('\n').flatMap((line) => {
    const [name = '', digest] = line.trim().split('@');
    return digest !== undefined && short(name) === short(repository) ? [digest] : [];
  });
}
