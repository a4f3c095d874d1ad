import { readdir } from 'node:fs/promises';
import type { ExportContext } from './exporter.ts';
import { runTool } from './run-tool.ts';
import { pipeTo, PLAIN_TAR } from './tar-command.ts';

export interface PackOptions {
  /** Members that come before the others, in this order. */
  readonly first?: readonly string[];
  /** Command that compresses standard input to standard output. Default: none. */
  readonly compress?: string;
}

/** Packs a folder of plain files into the tar that is the artifact. */
export async function packFolder(
  context: ExportContext,
  folder: string,
  { first = [], compress = 'cat' }: PackOptions = {},
): Promise<void> {
  const others = (await readdir(folder)).filter((name) => !first.includes(name)).toSorted();
  const script = `epoch=$1 out=$2; shift 2\n${pipeTo(`${PLAIN_TAR} --sort=name --file - "$@"`, compress)}`;
  const epoch = String(context.pipeline.sourceDateEpoch);
  const members = ['-C', folder, '--', ...first, ...others];
  await runTool(context, {
    argv: ['sh', '-ec', script, 'sh', epoch, context.outputPath, ...members],
    reason: 'export-failed',
  });
}
