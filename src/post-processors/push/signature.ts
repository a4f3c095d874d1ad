import { createSign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../util/hash.ts';
import { privateKey } from '../private-key.ts';

/** What a signature says and who says it. */
export interface SignatureFacts {
  readonly repository: string;
  /** Digest of the image's manifest, `sha256:…`. */
  readonly digest: string;
  /** ECDSA key, PEM. */
  readonly key: string;
}

/**
 * Writes an OCI layout with a signature as cosign keeps it beside an image, under the tag `sha256-<hex>.sig`: a layer with
 * the signed statement ("simple signing"), whose annotation holds the signature (cosign, SIGNATURE_SPEC.md).
 * @throws FailureError `post-failed` when the key is none
 */
export async function writeSignatureLayout(
  folder: string,
  { repository, digest, key }: SignatureFacts,
): Promise<void> {
  const payload = JSON.stringify({
    critical: {
      identity: { 'docker-reference': repository },
      image: { 'docker-manifest-digest': digest },
      type: 'cosign container image signature',
    },
    optional: null,
  });
  const signature = createSign('sha256').update(payload).sign(privateKey(key), 'base64');
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const put = async (mediaType: string, text: string) => {
    const sha256 = sha256Hex(text);
    await writeFile(join(blobs, sha256), text);
    return { mediaType, digest: `sha256:${sha256}`, size: Buffer.byteLength(text) };
  };
  const image = 'application/vnd.oci.image';
  const layer = await put('application/vnd.dev.cosign.simplesigning.v1+json', payload);
  const config = JSON.stringify({
    architecture: '',
    os: '',
    config: {},
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: `${image}.manifest.v1+json`,
    config: await put(`${image}.config.v1+json`, config),
    layers: [{ ...layer, annotations: { 'dev.cosignproject.cosign/signature': signature } }],
  };
  const descriptor = {
    ...(await put(manifest.mediaType, JSON.stringify(manifest))),
    annotations: { 'org.opencontainers.image.ref.name': 'signature' },
  };
  const index = { schemaVersion: 2, mediaType: `${image}.index.v1+json`, manifests: [descriptor] };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
