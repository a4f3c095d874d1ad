import { basename } from 'node:path';
import type { ExportContext } from './exporter.ts';
import { runTool, type ToolContext } from './run-tool.ts';

/** What of an export's surroundings a conversion needs. */
export interface ConvertContext extends ToolContext, Pick<ExportContext, 'cacheFolder' | 'progress'> {}

export interface Conversion {
  readonly from: string;
  readonly to: string;
  /** Name of the format for `qemu-img -O`. */
  readonly format: string;
  /** Options of the format (`-o`), in the order in which they are given. */
  readonly options: readonly string[];
  readonly compress?: boolean;
}

/**
 * Converts a raw disk with qemu-img. Clusters are written in the disk's order (no `-W`), whatever the number of
 * coroutines: same disk, same bytes, but for the random fields that some formats have.
 * @throws FailureError `export-failed`, `disk-full`, `tool-missing`, `aborted`
 */
export async function convertDisk(context: ConvertContext, conversion: Conversion): Promise<void> {
  const { from, to, format, options, compress = false } = conversion;
  const flags = ['-p', '-m', '8', ...(compress ? ['-c'] : []), '-f', 'raw', '-O', format];
  const withOptions = options.length === 0 ? [] : ['-o', options.join(',')];
  await runTool(context, {
    argv: ['qemu-img', 'convert', ...flags, ...withOptions, from, to],
    reason: 'export-failed',
    onStdout: (text) => {
      const percent = /\((\d+\.\d+)\/100%\)\s*$/.exec(text)?.[1];
      if (percent !== undefined) context.progress(Math.round(Number(percent)), 100, '%');
    },
  });
}

/** The disk of an export whose kind has `input: 'disk'`. */
export function diskOf(context: ExportContext): NonNullable<ExportContext['disk']> {
  if (context.disk === undefined) throw new Error(`${basename(context.outputPath)} needs a disk`);
  return context.disk;
}
