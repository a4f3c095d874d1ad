import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256Hex } from '../../util/hash.ts';
import type { ExportContext } from '../exporter.ts';
import { imageConfig, platformOf } from './image-config.ts';
import { writeLayerTars } from './layer-tar.ts';
import type { ContainerOptions } from './options.ts';

const MEDIA = 'application/vnd.oci.image';
const LAYER_MEDIA = {
  none: `${MEDIA}.layer.v1.tar`,
  gz: `${MEDIA}.layer.v1.tar+gzip`,
  zstd: `${MEDIA}.layer.v1.tar+zstd`,
} as const;

export interface LayoutOptions extends ContainerOptions {
  readonly compression: keyof typeof LAYER_MEDIA;
  readonly level?: number | undefined;
}

/**
 * Puts an image layout together (OCI image specification 1.1, "Image Layout") in a new folder:
 *
 *     oci-layout    index.json    blobs/sha256/<hex>: layers, configuration, manifest
 */
export async function writeLayout(
  context: ExportContext,
  options: LayoutOptions,
  folder: string,
): Promise<void> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const { compression, level } = options;
  const layers = await writeLayerTars(context, {
    compression,
    ...(level !== undefined && { level }),
    folder: blobs,
    name: (sha256) => sha256,
  });
  const put = async (mediaType: string, text: string) => {
    const sha256 = sha256Hex(text);
    await writeFile(join(blobs, sha256), text);
    return { mediaType, digest: `sha256:${sha256}`, size: Buffer.byteLength(text) };
  };
  const config = await put(`${MEDIA}.config.v1+json`, imageConfig(options, context.pipeline, layers));
  const manifest = {
    schemaVersion: 2,
    mediaType: `${MEDIA}.manifest.v1+json`,
    config,
    layers: layers.map(({ sha256, size }) => ({
      mediaType: LAYER_MEDIA[compression],
      digest: `sha256:${sha256}`,
      size,
    })),
  };
  const descriptor = {
    ...(await put(manifest.mediaType, JSON.stringify(manifest))),
    platform: platformOf(context.pipeline),
    annotations: { 'org.opencontainers.image.ref.name': options.tag },
  };
  const index = { schemaVersion: 2, mediaType: `${MEDIA}.index.v1+json`, manifests: [descriptor] };
  await writeFile(join(folder, 'index.json'), JSON.stringify(index));
  await writeFile(join(folder, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }));
}
