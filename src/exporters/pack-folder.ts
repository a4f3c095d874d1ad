import { readdir } from 'node:fs/promises';
import { writeCompressed } from './compressed/write-compressed.ts';
import type { ExportContext, ExportedFile } from './exporter.ts';
import { runTool } from './run-tool.ts';
import { PLAIN_TAR } from './tar-command.ts';
import { streamTool } from './tool-stream.ts';

export interface PackOptions {
  /** Members that come before the others, in this order. */
  readonly first?: readonly string[];
  /** Compresses the tar with gzip of this effort, 1 to 9. */
  readonly gzipLevel?: number;
}

/**
 * Packs a folder of plain files into the tar that is the artifact.
 * @returns its digest, where it is known from writing
 */
export async function packFolder(
  context: ExportContext,
  folder: string,
  { first = [], gzipLevel }: PackOptions = {},
): Promise<ExportedFile | undefined> {
  const others = (await readdir(folder)).filter((name) => !first.includes(name)).toSorted();
  const script = `epoch=$1 out=$2; shift 2; exec ${PLAIN_TAR} --sort=name --file - "$@" >"$out"`;
  const epoch = String(context.pipeline.sourceDateEpoch);
  const members = ['-C', folder, '--', ...first, ...others];
  const { outputPath: to, scratch, signal, cacheFolder } = context;
  const argv = (out: string) => ['sh', '-ec', script, 'sh', epoch, out, ...members] as const;
  if (gzipLevel === undefined) {
    await runTool(context, { argv: argv(to), reason: 'export-failed' });
    return undefined;
  }
  return await streamTool(context, { folder: scratch, argv, reason: 'export-failed' }, (tar) =>
    writeCompressed(tar, { compression: 'gz', level: gzipLevel, to, signal, cacheFolder }),
  );
}
