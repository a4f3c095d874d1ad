import { constants, readdirSync } from 'node:fs';
import { copyFile, readFile, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../model/ids.ts';
import { isErrno, writeFileAtomic } from '../../util/atomic-file.ts';
import { canonicalJson } from '../../util/canonical-json.ts';
import { sha256Hex } from '../../util/hash.ts';
import { removeQuietly } from '../../util/remove-quietly.ts';
import { openSealedJson, sealJson, type SealFormat } from '../../util/sealed-json.ts';
import { isStaleTemporary, temporaryName } from '../../util/temporary-name.ts';
import { COMPRESSIONS, compressCommand } from '../compression.ts';
import type { ExportContext } from '../exporter.ts';
import { sha256OfFile } from '../file-digest.ts';
import { GZIP_VERSION } from '../gzip/write-gzip.ts';
import { runTool } from '../run-tool.ts';
import { TREE_TAR } from '../tar-command.ts';
import type { LayerBlob, LayerTarSettings } from './layer-tar.ts';

type BlobNote = Pick<LayerBlob, 'sha256' | 'diffId' | 'size'>;
const NOTE: SealFormat<BlobNote> = 'imgpipe-layer-blob-1';

/**
 * Compressed layers of earlier exports, so that a changed image costs as much as its changed layers. In a folder of the
 * cache lie, by a digest of all that decides their bytes,
 *
 *     <digest>         the compressed tar
 *     <digest>.json    its own digests, written last; what does not match it is made anew
 */
export class KeptBlobs {
  readonly #context: ExportContext;
  readonly #folder: string;
  readonly #recipe: unknown;

  private constructor(context: ExportContext, folder: string, recipe: unknown) {
    this.#context = context;
    this.#folder = folder;
    this.#recipe = recipe;
  }

  static async open(context: ExportContext, { compression, level }: LayerTarSettings): Promise<KeptBlobs> {
    // Uncompressed tars are made about as quickly as they are copied.
    if (compression === 'none') return new KeptBlobs(context, '', undefined);
    const effort = level ?? COMPRESSIONS[compression].defaultLevel;
    const isGzip = compression === 'gz';
    const compress = isGzip ? `zlib ${GZIP_VERSION} -${effort}` : compressCommand(compression, level);
    const programs = isGzip ? ['tar'] : ['tar', 'zstd'];
    const argv = ['sh', '-ec', 'for program do "$program" --version; done', 'sh', ...programs] as const;
    const { stdout: versions } = await runTool(context, { argv, reason: 'export-failed' });
    const { sourceDateEpoch } = context.pipeline;
    const recipe = { tar: TREE_TAR, compress, versions, sourceDateEpoch };
    const folder = await context.cacheFolder('layer-blobs');
    const paths = readdirSync(folder).map((file) => join(folder, file));
    paths.filter((path) => isStaleTemporary(path)).forEach(removeQuietly);
    return new KeptBlobs(context, folder, recipe);
  }

  /** The blob of a layer in the folder of the settings: a copy of a kept one, or the one that `make` puts there. */
  async take(
    source: Digest,
    { folder, name }: LayerTarSettings,
    make: () => Promise<LayerBlob>,
  ): Promise<LayerBlob> {
    if (this.#recipe === undefined) return await make();
    const kept = join(this.#folder, sha256Hex(canonicalJson({ layer: source, recipe: this.#recipe })));
    const note = await readNote(`${kept}.json`);
    if (note !== undefined) {
      const path = join(folder, name(note.sha256));
      try {
        await copyFile(kept, path, constants.COPYFILE_FICLONE);
        if ((await sha256OfFile(path, this.#context.signal)) === note.sha256) {
          const now = Date.now() / 1000;
          await utimes(kept, now, now).catch(() => undefined);
          return { path, source, ...note };
        }
      } catch (error) {
        if (!isErrno(error, 'ENOENT')) throw error;
      }
      await rm(path, { force: true });
    }
    const blob = await make();
    await this.#keep(blob, kept);
    return blob;
  }

  /** Where it cannot be kept, e.g. on a full disk, the next export makes it again. */
  async #keep({ path, sha256, diffId, size }: LayerBlob, kept: string): Promise<void> {
    const temporary = temporaryName(kept);
    try {
      await copyFile(path, temporary, constants.COPYFILE_FICLONE);
      await rename(temporary, kept);
      writeFileAtomic(`${kept}.json`, sealJson(NOTE, { sha256, diffId, size }));
    } catch {
      await rm(temporary, { force: true });
    }
  }
}

async function readNote(path: string): Promise<BlobNote | undefined> {
  try {
    return openSealedJson(NOTE, await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
