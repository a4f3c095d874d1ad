import { createHash, type Hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compressCommand, COMPRESSIONS } from '../compression.ts';
import type { ExportContext } from '../exporter.ts';
import { sha256OfFile } from '../file-digest.ts';
import { writeGzip } from '../gzip/write-gzip.ts';
import { runTool } from '../run-tool.ts';
import { pipeTo } from '../tar-command.ts';
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
 * Compresses what a command writes into a file.
 * @throws FailureError as `runTool`
 */
export async function packTar(
  context: ExportContext,
  tar: TarToPack,
  settings: Pick<LayerTarSettings, 'compression' | 'level'>,
): Promise<PackedTar> {
  const { compression, level = COMPRESSIONS[compression].defaultLevel } = settings;
  if (compression !== 'gz') return await packByPrograms(context, tar, compressCommand(compression, level));
  const { command, args, stage, to } = tar;
  const { signal, cacheFolder } = context;
  const script = `for out do :; done; exec ${command} >"$out"`;
  const argv = (pipe: string) => ['sh', '-ec', script, 'sh', ...args, pipe] as const;
  const diffId = createHash('sha256');
  const { sha256 } = await streamTool(context, { folder: stage, argv, reason: 'export-failed' }, (bytes) =>
    writeGzip(hashed(bytes, diffId), { to, level, signal, cacheFolder }),
  );
  return { sha256, diffId: diffId.digest('hex') };
}

async function packByPrograms(context: ExportContext, tar: TarToPack, compress: string): Promise<PackedTar> {
  const { command, args, stage, to } = tar;
  const script = [
    'stage=$1 out=$2; shift 2',
    'mkfifo "$stage/fifo"',
    'sha256sum <"$stage/fifo" >"$stage/diff-id" &',
    pipeTo(command, `tee "$stage/fifo" | ${compress}`),
    'wait',
  ].join('\n');
  const argv = ['sh', '-ec', script, 'sh', stage, to, ...args] as const;
  await runTool(context, { argv, reason: 'export-failed' });
  const diffId = (await readFile(join(stage, 'diff-id'), 'utf8')).slice(0, 64);
  return { sha256: await sha256OfFile(to, context.signal), diffId };
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const bytes of source) {
    hash.update(bytes);
    yield bytes;
  }
}
