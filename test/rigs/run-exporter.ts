import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { expect } from 'vitest';
import { scanData } from '../../src/exporters/disk/data-map.ts';
import type { DiskImage } from '../../src/exporters/disk-image.ts';
import type { ExportContext, ExporterKind } from '../../src/exporters/exporter.ts';
import type { Workspace } from '../../src/layers/workspace.ts';
import type { View } from '../../src/model/layer.ts';
import type { Pipeline } from '../../src/model/pipeline.ts';
import { runHostCommand } from '../../src/util/exec.ts';
import { sha256 } from './disk.ts';
import { EPOCH } from './workspace.ts';

/** The parts of a pipeline that exporters read. */
const PIPELINE = {
  id: 'shop',
  name: 'shop',
  description: 'Web shop <stable> & more',
  architecture: 'amd64',
  sourceDateEpoch: EPOCH,
  disk: { firmware: 'both', kernelArgs: ['quiet'] },
} as const;

export interface ExportRun {
  readonly disk?: string;
  /** Instead of `disk`. Only for exporters that read no file of the disk when it has a patch. */
  readonly image?: DiskImage;
  readonly layers?: View;
  readonly workspace?: Workspace;
  readonly signal?: AbortSignal;
  readonly pipeline?: Partial<Record<keyof Pipeline, unknown>>;
  /** Secrets by name. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** Where it keeps what helps the next export. Default: a folder of its own. */
  readonly cache?: string;
  /** Default: `disk.` and the kind's extension. */
  readonly fileName?: string;
}

/** Runs an exporter as the executor does, and gives the result. */
export async function runExporter(
  kind: ExporterKind,
  options: object,
  outputPath: string,
  from: ExportRun,
): ReturnType<ExporterKind['run']> {
  const parsed = kind.schema.parse(options);
  const { disk } = from;
  const image = from.image ?? (disk === undefined ? undefined : await diskImage(disk));
  const context = {
    pipeline: { ...PIPELINE, ...from.pipeline },
    // The executor gives the disk's key: the same for the same disk.
    ...(image !== undefined && {
      disk: { path: image.basePath, image, size: image.size, key: basename(image.basePath) },
    }),
    layers: from.layers ?? [],
    workspace: from.workspace ?? { spawn: runHostCommand },
    fileName: from.fileName ?? `disk.${kind.extension(parsed)}`,
    outputPath,
    resolvePath: (path: string) => path,
    secret: (name: string) => from.secrets?.[name] ?? '',
    scratch: mkdtempSync(`${outputPath}.scratch-`),
    cacheFolder: () => Promise.resolve(from.cache ?? mkdtempSync(`${outputPath}.cache-`)),
    signal: from.signal ?? new AbortController().signal,
    log: () => undefined,
    progress: () => undefined,
  };
  const result = await kind.run(parsed, context as unknown as ExportContext);
  // A digest from writing is not worked out again: it has to be that of the file.
  if (result.ok && typeof result.value === 'object' && 'sha256' in result.value)
    expect(result.value.sha256).toBe(sha256(outputPath));
  return result;
}

/** A disk file as the executor hands it on: without a patch. What is no file counts as data all over. */
export async function diskImage(path: string): Promise<DiskImage> {
  const info = statSync(path);
  const context = {
    workspace: { spawn: runHostCommand },
    signal: new AbortController().signal,
    log: () => undefined,
  };
  const baseData = info.isFile() ? await scanData(context, path) : [{ start: 0, end: info.size }];
  return { size: info.size, basePath: path, baseData, patch: [] };
}

/** A partitioned disk of 96 MiB with data at odd places and large holes, as file systems leave it. */
export function partitionedDisk(path: string): void {
  const script = [
    'truncate -s 96M "$0"',
    'printf "label: gpt\\nsize=8MiB, name=esp, type=uefi\\nname=root, type=linux\\n" | sfdisk -q "$0"',
    'printf "boot code" | dd of="$0" conv=notrunc status=none',
    'head -c 5000000 /dev/urandom | dd of="$0" conv=notrunc bs=4096 seek=300 status=none',
    'head -c 70000 /dev/zero | tr "\\0" z | dd of="$0" conv=notrunc bs=4096 seek=9001 status=none',
    'head -c 200000 /dev/zero | dd of="$0" conv=notrunc bs=4096 seek=12000 status=none',
  ].join('\n');
  execFileSync('sh', ['-ec', script, path]);
}

/** SHA-256 of what a shell command writes; `$0` and `$1` … are the arguments. */
export function sumOfOutput(command: string, ...args: string[]): string {
  const output = execFileSync('sh', ['-ec', command, ...args], { maxBuffer: 2 ** 31 });
  return createHash('sha256').update(output).digest('hex');
}
