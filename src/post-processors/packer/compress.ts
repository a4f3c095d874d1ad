import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { capture, FailureError } from '../../diagnostics/failure.ts';
import { ZLIB } from '../../exporters/node-compressors.ts';
import { runTool } from '../../exporters/run-tool.ts';
import type { ArtifactFile } from '../../model/artifact.ts';
import { BUILD_FIELDS } from '../../provisioners/packer/build-fields.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import { renderedAnew } from '../../provisioners/packer/rendered-anew.ts';
import { RUN_FACT } from '../../template/packer-lower/moving-facts.ts';
import { definePostProcessor, type PostContext } from '../post-processor.ts';
import { bgzf } from './bgzf.ts';
import { type CompressFormat, compressorOf, formatOf } from './compress-format.ts';
import { artifactOf, renderPath, userFile, writtenPath } from './user-file.ts';

const schema = z.strictObject({
  output: z
    .string()
    .default('packer_{{.BuildName}}_{{.BuilderType}}')
    .describe('Archive to write; its ending names the format.'),
  format: z.string().optional().describe('Format when the name does not tell it.'),
  compression_level: z
    .int()
    .optional()
    .describe('From 1 to 9, or more, for the smallest file; otherwise as the format has it.'),
  ...BUILD_FIELDS,
});

export const packerCompressPostProcessor = definePostProcessor({
  type: 'packer-compress',
  summary: 'Packs the files into an archive, as the compress post-processor of Packer does.',
  schema,
  keyVersion: 1,
  keepInput: { default: false },
  keyFacts({ output, format }) {
    const { archive, algorithm } = formatOf(output, format);
    // The others are made by programs.
    return archive === 'zip' || algorithm === 'bgzf' ? ZLIB : undefined;
  },
  untracked: (options) => renderedAnew(options, (fact) => fact === RUN_FACT),
  reproducible: true,
  tools: ['tar', 'gzip'],
  run: async (options, { files }, context) =>
    await capture(async () => {
      const output = renderPath(options.output, options, context);
      const format = formatOf(options.output, options.format);
      const target = context.resolvePath(output);
      await mkdir(path.dirname(target), { recursive: true, mode: 0o755 });
      const half = `${target}.tmp-${process.pid}`;
      try {
        tellCompressor(format, output, context);
        const level = levelOf(options.compression_level, format);
        tellArchive(format, output, files, context);
        await write(format, { files, half, level }, context);
        await rename(half, target);
      } finally {
        await rm(half, { force: true });
      }
      context.log(`Archive ${output} completed`);
      return artifactOf('compress', [await userFile(output, context)], `compressed artifacts in: ${output}`);
    }),
  examples: {
    good: [{ title: 'A zip', options: { output: 'out/{{.BuildName}}.zip' } }],
    bad: [
      { title: 'Level is no number', options: { compression_level: 'best' }, error: 'compression_level' },
    ],
  },
});

/** @throws FailureError for a level that the format does not have, as Packer when it begins to write */
function levelOf(level = 0, { algorithm }: CompressFormat): number | undefined {
  if (level > 0) return Math.min(level, 9);
  if (level >= -1 || (algorithm !== 'gz' && algorithm !== 'bgzf')) return undefined;
  const name = algorithm === 'gz' ? 'pgzip' : algorithm;
  throw new FailureError({
    reason: 'post-failed',
    message: `error creating ${name} writer: Invalid compression level. Expected an integer from -1 to 9.`,
  });
}

const nameOf = ({ algorithm }: CompressFormat): string | undefined =>
  algorithm === 'gz' ? 'pgzip' : algorithm;

function tellCompressor(format: CompressFormat, output: string, { log }: PostContext): void {
  const name = nameOf(format);
  if (name === undefined) return;
  const cores = name === 'bzip2' || name === 'xz' ? '1 core' : `${availableParallelism()} cores`;
  const why = cores === '1 core' ? ' (library does not support MT)' : '';
  log(`Using ${name} compression with ${cores} for ${output}${why}`);
}

function tellArchive(
  format: CompressFormat,
  output: string,
  files: readonly ArtifactFile[],
  { log }: PostContext,
): void {
  const { archive } = format;
  const how = nameOf(format) ?? 'no compression';
  const [first] = files;
  if (archive === 'tar') log(`Tarring ${output} with ${how}`);
  else if (archive === 'zip') log(`Zipping ${output}`);
  else if (first !== undefined && files.length === 1) log(`Archiving ${writtenPath(first)} with ${how}`);
}

interface Job {
  readonly files: readonly ArtifactFile[];
  /** File to write. */
  readonly half: string;
  readonly level: number | undefined;
}

async function write(format: CompressFormat, job: Job, context: PostContext): Promise<void> {
  const { archive, algorithm } = format;
  if (archive === 'zip') return await writeZip(job, context);
  const [first, ...more] = job.files;
  if (archive === undefined && (first === undefined || more.length > 0)) {
    const names = job.files.map(writtenPath).join(' ');
    throw new FailureError({
      reason: 'post-failed',
      message: `Can only have 1 input file when not using tar/zip. Found ${job.files.length} files: [${names}]`,
    });
  }
  const source = archive === 'tar' ? tarCommand(job.files) : `cat ${shellQuote(first?.path ?? '')}`;
  if (algorithm !== 'bgzf') {
    const through = algorithm === undefined ? '' : ` | ${compressorOf(algorithm, job.level)}`;
    await runShell(`${source}${through} >${shellQuote(job.half)}`, context);
    return;
  }
  const plain = path.join(context.scratch, 'plain');
  await runShell(`${source} >${shellQuote(plain)}`, context);
  const { signal } = context;
  await pipeline(createReadStream(plain), bgzf(job.level ?? -1), createWriteStream(job.half), { signal });
}

/** Fails when any program of the line does. */
async function runShell(line: string, context: PostContext): Promise<void> {
  await runTool(context, { argv: ['bash', '-euo', 'pipefail', '-c', line], reason: 'post-failed' });
}

/** Names without folders, no times, and the format of GNU, as Packer writes it. */
function tarCommand(files: readonly ArtifactFile[]): string {
  const words = files.flatMap(({ path: file }) => ['-C', path.dirname(file), `./${path.basename(file)}`]);
  const strip = "--transform='s|^\\./||'";
  // tar refuses to make an archive of nothing unless a list says so.
  const what = words.length === 0 ? '--files-from=/dev/null' : words.map(shellQuote).join(' ');
  return `tar --format=gnu --mtime=@0 --blocking-factor=1 ${strip} -cf - ${what}`;
}

/** Names as the user wrote them. */
async function writeZip({ files, half }: Job, { signal }: PostContext): Promise<void> {
  const { ZipFile } = await import('yazl');
  const archive = new ZipFile();
  for (const file of files) {
    archive.addFile(file.path, writtenPath(file).replace(/^\/+/, ''), {
      mtime: new Date(1980, 0, 1),
      forceDosTimestamp: true,
    });
  }
  archive.end();
  await pipeline(archive.outputStream, createWriteStream(half), { signal });
}
