import { createHash, type Hash } from 'node:crypto';
import { writeCompressed } from '../compressed/write-compressed.ts';
import type { ExportContext } from '../exporter.ts';
import { sha256OfFile } from '../file-digest.ts';
import { runTool } from '../run-tool.ts';
import { streamTool } from '../tool-stream.ts';
import type { LayerTarSettings } from './layer-tar.ts';

export interface TarToPack {
  /** Shell command that writes a tar to its standard output; `$1` … are `args`. */
  readonly command: string;
  readonly args: readonly string[];
  /** A folder of the caller's for what is only there meanwhile. */
  readonly stage: string;
  readonly to: string;
}

/** Both in hex: of the file that is written, and of the tar in it. */
export interface PackedTar {
  readonly sha256: string;
  readonly diffId: string;
}

/**
 * Puts what a command writes into a file, compressed.
 * @throws FailureError as `runTool`
 */
export async function packTar(
  context: ExportContext,
  { command, args, stage, to }: TarToPack,
  { compression, level }: Pick<LayerTarSettings, 'compression' | 'level'>,
): Promise<PackedTar> {
  const { signal, cacheFolder } = context;
  const script = `for out do :; done; exec ${command} >"$out"`;
  const argv = (out: string) => ['sh', '-ec', script, 'sh', ...args, out] as const;
  if (compression === 'none') {
    await runTool(context, { argv: argv(to), reason: 'export-failed' });
    const sha256 = await sha256OfFile(to, signal);
    return { sha256, diffId: sha256 };
  }
  const diffId = createHash('sha256');
  const { sha256 } = await streamTool(context, { folder: stage, argv, reason: 'export-failed' }, (bytes) =>
    writeCompressed(hashed(bytes, diffId), { compression, level, to, signal, cacheFolder }),
  );
  return { sha256, diffId: diffId.digest('hex') };
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const bytes of source) {
    hash.update(bytes);
    yield bytes;
  }
}
