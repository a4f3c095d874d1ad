import { writeCompressed } from './compressed/write-compressed.ts';
import { compressCommand, isBlockwise, type Compression } from './compression.ts';
import type { ExportContext, ExportedFile } from './exporter.ts';
import { withMergedTree } from './merged-mount.ts';
import { runTool } from './run-tool.ts';
import { pipeTo, TREE_TAR } from './tar-command.ts';
import { streamTool } from './tool-stream.ts';

const TAR = `${TREE_TAR} --sort=name -C "$1" .`;

/**
 * Writes the image's merged tree as one tar, sorted by name.
 * @returns its digest, where it is known from writing
 */
export async function writeTreeTar(
  context: ExportContext,
  compression: Compression,
  level: number | undefined,
): Promise<ExportedFile | undefined> {
  const { outputPath: to, scratch, signal, cacheFolder } = context;
  return await withMergedTree(context, async (tree) => {
    const argv = (script: string, out: string) => ['sh', '-ec', script, 'sh', tree, out] as const;
    if (!isBlockwise(compression)) {
      const script = `out=$2\n${pipeTo(TAR, compressCommand(compression, level))}`;
      await runTool(context, { argv: argv(script, to), reason: 'export-failed' });
      return undefined;
    }
    return await streamTool(
      context,
      { folder: scratch, argv: (pipe) => argv(`exec ${TAR} >"$2"`, pipe), reason: 'export-failed' },
      (tar) => writeCompressed(tar, { compression, level, to, signal, cacheFolder }),
    );
  });
}
