import type { ExportContext, ExportedFile } from './exporter.ts';
import { sha256OfFile, stopped } from './file-digest.ts';
import { KeptFiles, type KeptNote } from './kept-files.ts';
import { withMergedTree } from './merged-mount.ts';
import { runTool } from './run-tool.ts';
import type { SealFormat } from '../util/sealed-json.ts';

const NOTE: SealFormat<KeptNote> = 'imgpipe-packed-tree-1';

/** How a read-only file system is made of the image's files. */
export interface TreePacking {
  /** Prints the version of the program that packs. */
  readonly version: readonly [string, ...string[]];
  /** Everything that decides its bytes beside the layers and the program. */
  readonly recipe: unknown;
  /** The command that packs the folder `tree` into `file`. */
  readonly argv: (tree: string, file: string) => readonly [string, ...string[]];
  /** What is done with the file in the end. */
  readonly finish?: (file: string) => Promise<void>;
}

/** Of the places in the cache that a file is being made for, when it will be there, or not. */
const inProgress = new Map<string, Promise<void>>();

/**
 * Packs the image's files into a file, or copies one that was made of the same layers in the same way: by another export
 * of this build, for which it waits, or by an earlier one.
 * @throws FailureError `export-failed`, `tool-missing`, `disk-full`, `aborted`
 */
export async function packTree(
  context: ExportContext,
  packing: TreePacking,
  path: string,
): Promise<ExportedFile> {
  const { stdout } = await runTool(context, { argv: packing.version, reason: 'export-failed' });
  const kept = await KeptFiles.open(context, 'packed-trees', NOTE);
  const layers = context.layers.map((layer) => layer.digest);
  const place = kept.place({ layers, version: stdout, recipe: packing.recipe });
  for (let busy = inProgress.get(place); busy !== undefined; busy = inProgress.get(place)) await busy;
  if (context.signal.aborted) throw stopped();
  const work = takeOrPack(context, packing, { kept, place, path });
  const end = work.then(
    () => undefined,
    () => undefined,
  );
  inProgress.set(place, end);
  try {
    return await work;
  } finally {
    inProgress.delete(place);
  }
}

async function takeOrPack(
  context: ExportContext,
  { argv, finish }: TreePacking,
  {
    kept,
    place,
    path,
  }: { readonly kept: KeptFiles<KeptNote>; readonly place: string; readonly path: string },
): Promise<ExportedFile> {
  const found = await kept.copyOut(place, () => path);
  if (found !== undefined) return found;
  await withMergedTree(context, (tree) =>
    runTool(context, { argv: argv(tree, path), reason: 'export-failed' }),
  );
  await finish?.(path);
  const note = { sha256: await sha256OfFile(path, context.signal) };
  await kept.keep(place, path, note);
  return note;
}
