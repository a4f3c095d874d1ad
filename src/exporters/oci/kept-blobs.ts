import { join } from 'node:path';
import type { Digest } from '../../model/ids.ts';
import type { SealFormat } from '../../util/sealed-json.ts';
import { compressionRecipe } from '../compressed/write-compressed.ts';
import type { ExportContext } from '../exporter.ts';
import { KeptFiles } from '../kept-files.ts';
import { runTool } from '../run-tool.ts';
import { TREE_TAR } from '../tar-command.ts';
import type { LayerBlob, LayerTarSettings } from './layer-tar.ts';

type BlobNote = Pick<LayerBlob, 'sha256' | 'diffId' | 'size'>;
const NOTE: SealFormat<BlobNote> = 'imgpipe-layer-blob-1';

/** Gives the blob of a layer: a copy of a kept one, or what `make` puts into the folder of the settings. */
export type TakeBlob = (source: Digest, make: () => Promise<LayerBlob>) => Promise<LayerBlob>;

/** Compressed layers of earlier exports, so that a changed image costs as much as its changed layers. */
export async function keptBlobs(context: ExportContext, settings: LayerTarSettings): Promise<TakeBlob> {
  const { compression, level, folder, name } = settings;
  // Uncompressed tars are made about as quickly as they are copied.
  if (compression === 'none') return (_, make) => make();
  const compress = compressionRecipe({ compression, level });
  const argv = ['tar', '--version'] as const;
  const { stdout: version } = await runTool(context, { argv, reason: 'export-failed' });
  const { sourceDateEpoch } = context.pipeline;
  const recipe = { tar: TREE_TAR, version, compress, sourceDateEpoch };
  const kept = await KeptFiles.open(context, 'layer-blobs', NOTE);
  return async (source, make) => {
    const place = kept.place({ layer: source, recipe });
    const pathOf = ({ sha256 }: BlobNote): string => join(folder, name(sha256));
    const found = await kept.copyOut(place, pathOf);
    if (found !== undefined) return { path: pathOf(found), source, ...found };
    const blob = await make();
    const { path, sha256, diffId, size } = blob;
    await kept.keep(place, path, { sha256, diffId, size });
    return blob;
  };
}
