import { FailureError } from '../../diagnostics/failure.ts';
import type { Architecture } from '../../model/platform.ts';
import type { OciImageOptions } from '../oci-image.ts';
import {
  configSchema,
  dockerManifestSchema,
  indexSchema,
  manifestSchema,
  type Descriptor,
  type DockerImage,
} from './documents.ts';
import type { ImageFolder } from './image-folder.ts';

/** One layer of the chosen image, bottom first. */
export type ImageLayer =
  /** Named by the digest of the file as it is stored. */
  | { readonly type: 'blob'; readonly digest: string }
  /** Named by a path; the digest is that of the decompressed tar. */
  | { readonly type: 'file'; readonly path: string; readonly diffId: string };

/** Go's names of architectures, with ARM's variant, by Debian's. */
const OCI_ARCHITECTURES: Record<Architecture, string> = {
  amd64: 'amd64',
  arm64: 'arm64',
  armhf: 'arm/v7',
  i386: '386',
  ppc64el: 'ppc64le',
  riscv64: 'riscv64',
  s390x: 's390x',
};

type Choice = Pick<OciImageOptions, 'path' | 'tag' | 'digest'>;

/**
 * The layers of the image that is meant: by digest or tag when several are there, then by architecture.
 * @throws FailureError `source-failed` with what there is to choose from
 */
export async function chooseLayers(
  folder: ImageFolder,
  choice: Choice,
  architecture: Architecture,
): Promise<readonly ImageLayer[]> {
  if (await folder.has('index.json')) return await fromLayout(folder, choice, architecture);
  if (await folder.has('manifest.json')) return await fromDockerArchive(folder, choice, architecture);
  throw failed(choice, 'is neither an OCI image layout nor an archive of `docker save`');
}

async function fromLayout(
  folder: ImageFolder,
  choice: Choice,
  architecture: Architecture,
): Promise<readonly ImageLayer[]> {
  const { manifests } = await folder.json('index.json', indexSchema);
  const named = choice.tag === undefined ? manifests : withTag(manifests, choice, choice.tag);
  const candidates: Descriptor[] = [];
  for (const descriptor of named) candidates.push(...(await spread(folder, descriptor, choice.digest)));
  if (candidates.length === 0 && choice.digest !== undefined)
    throw failed(choice, `has no image ${choice.digest}`);
  const fitting = candidates.filter(
    ({ platform }) => platform === undefined || platformName(platform) === wanted(architecture),
  );
  const [manifest, second] = uniqueByDigest(fitting);
  if (manifest === undefined) {
    const there = candidates.flatMap(({ platform }) =>
      platform === undefined ? [] : [platformName(platform)],
    );
    throw failed(
      choice,
      `has no image for ${architecture}`,
      `There is ${[...new Set(there)].join(', ') || 'nothing'}.`,
    );
  }
  if (second !== undefined) {
    const names = manifests.flatMap((descriptor) => namesOf(descriptor)[0] ?? descriptor.digest);
    throw failed(
      choice,
      'holds several images',
      `Name one as \`tag\` or \`digest\`: ${[...new Set(names)].join(', ')}.`,
    );
  }
  const { config, layers } = await folder.blobJson(manifest.digest, manifestSchema);
  await requireArchitecture(folder, config.digest, choice, architecture);
  return layers.map(({ digest }) => ({ type: 'blob', digest }));
}

function withTag(manifests: readonly Descriptor[], choice: Choice, tag: string): readonly Descriptor[] {
  const found = manifests.filter((descriptor) => namesOf(descriptor).some((name) => matchesTag(name, tag)));
  if (found.length > 0) return found;
  throw failed(
    choice,
    `has no image "${tag}"`,
    `There is ${manifests.flatMap(namesOf).join(', ') || 'no tag'}.`,
  );
}

/**
 * An index becomes the images in it; notes on how an image was built (platform unknown) are none.
 * @param digest only images of this digest, or in an index of this digest
 */
async function spread(
  folder: ImageFolder,
  descriptor: Descriptor,
  digest: string | undefined,
): Promise<Descriptor[]> {
  const isMeant = digest === undefined || descriptor.digest === digest;
  const isIndex = /image\.index|manifest\.list/.test(descriptor.mediaType ?? '');
  if (!isIndex) return isMeant && descriptor.platform?.os !== 'unknown' ? [descriptor] : [];
  const { manifests } = await folder.blobJson(descriptor.digest, indexSchema);
  const inner = await Promise.all(manifests.map((one) => spread(folder, one, isMeant ? undefined : digest)));
  return inner.flat();
}

async function fromDockerArchive(
  folder: ImageFolder,
  choice: Choice,
  architecture: Architecture,
): Promise<readonly ImageLayer[]> {
  const images = await folder.json('manifest.json', dockerManifestSchema);
  const tagsOf = (image: DockerImage): readonly string[] => image.RepoTags ?? [];
  const { tag } = choice;
  const fitting =
    tag === undefined
      ? images
      : images.filter((image) => tagsOf(image).some((name) => matchesTag(name, tag)));
  const [image, second] = fitting;
  const there = `There is ${images.flatMap(tagsOf).join(', ') || 'no tag'}.`;
  if (image === undefined) throw failed(choice, `has no image "${tag}"`, there);
  if (second !== undefined) throw failed(choice, 'holds several images', `Name one as \`tag\`. ${there}`);
  const config = await folder.json(image.Config, configSchema);
  checkArchitecture(config, choice, architecture);
  return image.Layers.map((path, index) => {
    const diffId = config.rootfs.diff_ids[index];
    if (diffId === undefined) throw failed(choice, 'has more layers than its configuration names');
    return { type: 'file', path, diffId };
  });
}

async function requireArchitecture(
  folder: ImageFolder,
  digest: string,
  choice: Choice,
  architecture: Architecture,
): Promise<void> {
  checkArchitecture(await folder.blobJson(digest, configSchema), choice, architecture);
}

function checkArchitecture(
  config: { readonly architecture?: string | undefined; readonly variant?: string | undefined },
  choice: Choice,
  architecture: Architecture,
): void {
  if (config.architecture === undefined) return;
  const name = platformName({ architecture: config.architecture, variant: config.variant });
  if (name !== wanted(architecture)) throw failed(choice, `is an image for ${name}, not for ${architecture}`);
}

const wanted = (architecture: Architecture): string => OCI_ARCHITECTURES[architecture];

/** `arm/v7`; the variant of others says nothing that Debian's names know (arm64/v8). */
function platformName({
  architecture,
  variant,
}: {
  architecture: string;
  variant?: string | undefined;
}): string {
  return architecture === 'arm' ? `arm/${variant ?? 'v7'}` : architecture;
}

function namesOf({ annotations = {} }: Descriptor): string[] {
  const keys = ['io.containerd.image.name', 'org.opencontainers.image.ref.name'];
  return keys.flatMap((key) => annotations[key] ?? []);
}

/** `bookworm`, `debian:bookworm` and `docker.io/library/debian:bookworm` all mean the last one. */
function matchesTag(name: string, tag: string): boolean {
  return name === tag || name.endsWith(`/${tag}`) || name.endsWith(`:${tag}`);
}

function uniqueByDigest(descriptors: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function failed({ path }: Choice, what: string, hint?: string): FailureError {
  return new FailureError({
    reason: 'source-failed',
    message: `${path} ${what}`,
    ...(hint === undefined ? {} : { hint }),
  });
}
