import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import { isErrno } from '../../util/atomic-file.ts';
import type { OciImageOptions } from '../oci-image.ts';
import type { SourceRunContext } from '../source.ts';
import { decompressed, detectCompression } from '../tar/compression.ts';
import { scanTar } from '../tar/scan.ts';
import { TreeState } from '../tar/tree-state.ts';
import { unpackTar } from '../tar/unpack.ts';
import { chooseLayers, type ImageLayer } from './choose-image.ts';
import { ImageFolder } from './image-folder.ts';

/** Merges the layers of an image into the empty target. Fails with `source-failed` or `input-missing`. */
export function produceOciImage(options: OciImageOptions, context: SourceRunContext): Promise<Result<void>> {
  return capture(async () => {
    const folder = await openImage(options, context);
    const layers = await chooseLayers(folder, options, context.architecture);
    const state = new TreeState();
    for (const [index, layer] of layers.entries()) {
      context.progress(index, layers.length, 'layers');
      await addLayer(layer, `${options.path}: layer ${index + 1}`, folder, state, context);
    }
    context.progress(layers.length, layers.length, 'layers');
  });
}

async function addLayer(
  layer: ImageLayer,
  name: string,
  folder: ImageFolder,
  state: TreeState,
  context: SourceRunContext,
): Promise<void> {
  const file = layer.type === 'blob' ? await folder.blobFile(layer.digest) : await folder.file(layer.path);
  const compression = await detectCompression(file).catch((cause: unknown) => {
    throw new FailureError({ reason: 'source-failed', message: `${name} cannot be read`, cause });
  });
  const scan = await scanTar(decompressed(file, compression), {
    name,
    state,
    whiteouts: true,
    mayBeEmpty: true,
  });
  if (layer.type === 'file' && `sha256:${scan.sha256}` !== layer.diffId) {
    throw new FailureError({
      reason: 'source-failed',
      message: `${name} does not have the digest ${layer.diffId}: it was altered or is damaged`,
    });
  }
  context.log(`${name}: ${scan.entries} entries, ${scan.removals.length} removed from the layers below`);
  await unpackTar({ file, compression, scan, name, target: context.target.mountPoint }, context);
}

/** The image as a folder: a tar is unpacked to the scratch folder first. */
async function openImage(options: OciImageOptions, context: SourceRunContext): Promise<ImageFolder> {
  const path = context.resolvePath(options.path);
  const info = await stat(path).catch((cause: unknown) => {
    if (!isErrno(cause, 'ENOENT', 'ENOTDIR', 'EACCES')) throw cause;
    throw new FailureError({ reason: 'input-missing', message: `path: ${path} cannot be read`, cause });
  });
  if (info.isDirectory()) return new ImageFolder(path, options.path);
  const compression = await detectCompression(path);
  const { path: name } = options;
  const scan = await scanTar(decompressed(path, compression), { name, state: new TreeState() });
  const target = join(context.scratch, 'image');
  await context.workspace.spawn({
    argv: ['mkdir', '-p', target],
    env: { PATH: '/usr/bin:/bin' },
    signal: context.signal,
    onOutput: () => undefined,
  });
  await unpackTar({ file: path, compression, scan, name, target, owners: false }, context);
  return new ImageFolder(target, name);
}
