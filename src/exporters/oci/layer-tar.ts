import { mkdir, rename, stat, utimes, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LayerStore } from '../../layers/layer-store.ts';
import { bytesOf, type ByteString } from '../../layers/manifest.ts';
import { distinctTopmost } from '../../layers/view-index.ts';
import type { Digest } from '../../model/ids.ts';
import type { Compression } from '../compression.ts';
import type { ExportContext } from '../exporter.ts';
import { TREE_TAR } from '../tar-command.ts';
import { keptBlobs } from './kept-blobs.ts';
import { packTar } from './pack-tar.ts';

/** A layer as a file named by its own digest. */
export interface LayerBlob {
  readonly path: string;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  /** SHA-256 of the uncompressed tar, in hex. */
  readonly diffId: string;
  readonly size: number;
  /** Digest of imgpipe's layer. */
  readonly source: Digest;
}

export interface LayerTarSettings {
  readonly compression: Exclude<Compression, 'xz'>;
  readonly level?: number;
  /** Folder that the blobs are put into, on the file system of `context.scratch`. */
  readonly folder: string;
  /** Name of a blob's file. */
  readonly name: (sha256: string) => string;
}

/**
 * Turns each layer of the image into a tar of an OCI image, one to one, bottom first; as many at a time as there are
 * processors. A layer that is there twice is left out below, where the upper one hides it.
 */
export async function writeLayerTars(
  context: ExportContext,
  settings: LayerTarSettings,
): Promise<readonly LayerBlob[]> {
  const digests = distinctTopmost(context.layers.map((layer) => layer.digest));
  const take = await keptBlobs(context, settings);
  const blobs: LayerBlob[] = [];
  const queue = digests.entries();
  let failed = false;
  const work = async (): Promise<void> => {
    for (const [index, digest] of queue) {
      if (failed) return;
      blobs[index] = await take(digest, () => writeLayerTar(context, digest, index, settings));
      context.progress(Object.keys(blobs).length, digests.length, 'layers');
    }
  };
  const workers = Array.from({ length: availableParallelism() }, () =>
    work().catch((error: unknown) => {
      failed = true;
      throw error;
    }),
  );
  // All of them end before an error is passed on: what they write to is deleted then.
  const ends = await Promise.allSettled(workers);
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
  return blobs;
}

async function writeLayerTar(
  context: ExportContext,
  digest: Digest,
  index: number,
  settings: LayerTarSettings,
): Promise<LayerBlob> {
  const { folder, name } = settings;
  const stage = join(context.scratch, `layer-${index}`);
  const store = new LayerStore(context.workspace.storeDirectory);
  await mkdir(stage);
  await listEntries(store, digest, stage, context.pipeline.sourceDateEpoch);
  const out = join(stage, 'blob');
  const list = '--no-recursion --null --no-unquote';
  const command = `${TREE_TAR} ${list} -C "$1" -T "$2/entries" -C "$2/whiteouts" -T "$2/whiteout-list"`;
  const tar = { command, args: [store.treeDirectory(digest), stage], stage, to: out };
  const { sha256, diffId } = await packTar(context, tar, settings);
  const path = join(folder, name(sha256));
  await rename(out, path);
  return { path, sha256, diffId, size: (await stat(path)).size, source: digest };
}

/**
 * What the tar shall hold, in the manifest's order, then the layer's whiteouts as the empty files that the OCI image
 * specification has for them ("Representing Changes"). Whiteouts come last: they hide lower layers only, and a folder
 * that replaces a file must be there before one in it.
 */
async function listEntries(
  store: LayerStore,
  digest: Digest,
  stage: string,
  sourceDateEpoch: number,
): Promise<void> {
  const entries: ByteString[] = [];
  const whiteouts: ByteString[] = [];
  for (const entry of store.manifest(digest).entries()) {
    const path = entry.path === '/' ? '.' : entry.path.slice(1);
    const slash = path.lastIndexOf('/') + 1;
    if (entry.type === 'whiteout') whiteouts.push(`${path.slice(0, slash)}.wh.${path.slice(slash)}`);
    else entries.push(path);
    if (entry.type === 'directory' && entry.opaque) whiteouts.push(`${path}/.wh..wh..opq`);
  }
  const root = join(stage, 'whiteouts');
  await mkdir(root);
  for (const whiteout of whiteouts) {
    const file = Buffer.concat([Buffer.from(`${root}/`), bytesOf(whiteout)]);
    await mkdir(parentOf(file), { recursive: true });
    await writeFile(file, '', { mode: 0o644 });
    await utimes(file, sourceDateEpoch, sourceDateEpoch);
  }
  const text = (list: readonly ByteString[]): Buffer => bytesOf(list.map((path) => `${path}\0`).join(''));
  await writeFile(join(stage, 'entries'), text(entries));
  await writeFile(join(stage, 'whiteout-list'), text(whiteouts));
}

function parentOf(file: Buffer): Buffer {
  return file.subarray(0, file.lastIndexOf('/'));
}
