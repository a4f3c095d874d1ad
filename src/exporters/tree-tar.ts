import { compressCommand, type Compression } from './compression.ts';
import type { ExportContext } from './exporter.ts';
import { withMergedTree } from './merged-mount.ts';
import { runTool } from './run-tool.ts';
import { pipeTo, TREE_TAR } from './tar-command.ts';

/** Writes the image's merged tree as one tar, sorted by name. */
export async function writeTreeTar(
  context: ExportContext,
  compression: Compression,
  level: number | undefined,
): Promise<void> {
  const script = `out=$2\n${pipeTo(`${TREE_TAR} --sort=name -C "$1" .`, compressCommand(compression, level))}`;
  await withMergedTree(context, (tree) =>
    runTool(context, {
      argv: ['sh', '-ec', script, 'sh', tree, context.outputPath],
      reason: 'export-failed',
    }),
  );
}
