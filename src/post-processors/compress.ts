import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { capture } from '../diagnostics/failure.ts';
import { writeCompressed } from '../exporters/compressed/write-compressed.ts';
import {
  COMPRESSIONS,
  compressCommand,
  isBlockwise,
  levelMistake,
  type BlockwiseCompression,
} from '../exporters/compression.ts';
import { ZLIB, ZSTD } from '../exporters/node-compressors.ts';
import { outputFailure } from '../exporters/output.ts';
import { runTool } from '../exporters/run-tool.ts';
import { pipeTo, PLAIN_TAR, TREE_TAR } from '../exporters/tar-command.ts';
import { streamTool } from '../exporters/tool-stream.ts';
import { FailureError } from '../diagnostics/failure.ts';
import type { Artifact, ArtifactFile } from '../model/artifact.ts';
import type { Pipeline } from '../model/pipeline.ts';
import { fileName } from './file-name-field.ts';
import { afterImage, imageOf, nameOf, newFile } from './new-file.ts';
import { definePostProcessor, type PostContext } from './post-processor.ts';

const schema = z
  .strictObject({
    method: z
      .enum(['gz', 'xz', 'zstd', 'zip'])
      .default('zstd')
      .describe('How files are compressed: each by itself, or with `zip` all in one file.'),
    level: z
      .int()
      .min(0)
      .max(19)
      .optional()
      .describe(
        'Effort: gz 1–9 (default 6), xz 0–9 (default 6), zstd 1–19 (default 3), zip 1–9 (default 6).',
      ),
    fileName: fileName()
      .optional()
      .describe('With `zip`: name of the file without `.zip`. Default: the name of the image.'),
  })
  .superRefine(({ method, level, fileName: name }, context) => {
    const message = levelMistake(method === 'zip' ? 'gz' : method, level);
    if (message !== undefined)
      context.addIssue({
        code: 'custom',
        path: ['level'],
        message: message.replace(/ with .*/, ` with ${method}`),
      });
    if (name !== undefined && method !== 'zip')
      context.addIssue({ code: 'custom', path: ['fileName'], message: 'goes with method zip only' });
  });

/**
 * Packs the folder `$1`. The tree of an image has owners and times of its own; in other folders they are those of whoever
 * built it, and when.
 */
function folderTar({ builderId }: Artifact, { sourceDateEpoch }: Pipeline): string {
  const tar =
    builderId === 'imgpipe.directory' ? TREE_TAR : PLAIN_TAR.replace('$epoch', String(sourceDateEpoch));
  return `${tar} --sort=name -C "$1" .`;
}

export const compressPostProcessor = definePostProcessor({
  type: 'compress',
  summary: 'The files of the artifact, compressed.',
  description: `Each file becomes \`<file>.zst\`, \`.gz\` or \`.xz\`; a folder becomes \`<folder>.tar.zst\` and so on. With \`zip\` all files go into
one. The files themselves leave the output folder unless \`keepInput\` is true; they stay in the cache, so that compressing
them another way does not make them anew.`,
  schema,
  keyVersion: 4,
  tools: ['xz', 'tar'],
  keepInput: { default: false },
  examples: {
    good: [
      { title: 'Quick and small', options: {} },
      { title: 'For Windows', options: { method: 'zip' } },
    ],
    bad: [
      { title: 'Unknown method', options: { method: 'rar' }, error: 'method' },
      { title: 'Level out of range', options: { method: 'gz', level: 12 }, error: 'must be 1 to 9 with gz' },
      { title: 'Name for many', options: { fileName: 'x' }, error: 'goes with method zip only' },
    ],
  },
  keyTools: ({ method }) => (method === 'xz' ? [method] : []),
  keyFacts: ({ method }) => (method === 'xz' ? undefined : method === 'zstd' ? ZSTD : ZLIB),
  // Same tool, same bytes.
  reproducible: true,
  writes: ({ method, fileName: stem }, files, isFolder) =>
    method === 'zip'
      ? afterImage(files, (image) => [zipName(image, stem)])
      : files.map((file, index) => compressedName(file, method, isFolder && index === 0)),
  run: (options, artifact, context) =>
    capture(async () => {
      const image = imageOf(artifact);
      const files: ArtifactFile[] = [];
      if (options.method === 'zip') {
        const to = join(context.stage, zipName(nameOf(image), options.fileName));
        await zip(artifact, to, options.level ?? 6, context);
        files.push(await newFile(to, context.signal));
      } else {
        for (const file of artifact.files) {
          const to = await compressFile(
            file,
            folderTar(artifact, context.pipeline),
            { method: options.method, level: options.level },
            context,
          );
          files.push(await newFile(to, context.signal));
        }
      }
      const [first] = files;
      return { ...artifact, files, id: first?.path ?? artifact.id, builderId: 'imgpipe.compress' };
    }),
});

const zipName = (image: string, stem: string | undefined): string => `${stem ?? image}.zip`;

const compressedName = (file: string, method: 'gz' | 'xz' | 'zstd', isFolder: boolean): string =>
  `${file}${isFolder ? '.tar' : ''}${COMPRESSIONS[method].ending}`;

async function compressFile(
  file: ArtifactFile,
  tar: string,
  { method, level }: { readonly method: 'gz' | 'xz' | 'zstd'; readonly level?: number | undefined },
  context: PostContext,
): Promise<string> {
  const isFolder = statSync(file.path).isDirectory();
  const to = join(context.stage, compressedName(nameOf(file), method, isFolder));
  context.status(basename(to));
  if (isBlockwise(method)) {
    await compressTo(
      to,
      { compression: method, level },
      { path: file.path, tar: isFolder ? tar : undefined },
      context,
    );
  } else {
    const compress = compressCommand(method, level);
    const script = isFolder ? `out=$2\n${pipeTo(tar, compress)}` : `exec ${compress} <"$1" >"$2"`;
    await runTool(context, { argv: ['sh', '-ec', script, 'sh', file.path, to], reason: 'post-failed' });
  }
  return to;
}

async function compressTo(
  to: string,
  how: { readonly compression: BlockwiseCompression; readonly level?: number | undefined },
  { path, tar }: { readonly path: string; readonly tar: string | undefined },
  context: PostContext,
): Promise<void> {
  const { signal } = context;
  const argv = (pipe: string) => ['sh', '-ec', `exec ${tar} >"$2"`, 'sh', path, pipe] as const;
  const write = (bytes: AsyncIterable<Buffer>) => writeCompressed(bytes, { ...how, to, signal });
  if (tar !== undefined)
    await streamTool(context, { folder: context.scratch, argv, reason: 'post-failed' }, write);
  else await write(createReadStream(path, { highWaterMark: 2 ** 20 }));
}

async function zip(artifact: Artifact, to: string, level: number, context: PostContext): Promise<void> {
  const { ZipFile } = await import('yazl');
  const archive = new ZipFile();
  const epoch = new Date(context.pipeline.sourceDateEpoch * 1000);
  // The format has local time without a zone: what it shows is UTC, whatever the zone of this machine.
  const mtime = new Date(epoch.getTime() + epoch.getTimezoneOffset() * 60_000);
  for (const file of artifact.files) {
    const root = dirname(file.path);
    for (const path of await filesIn(file.path)) {
      const mode = (statSync(path).mode & 0o111) === 0 ? 0o100644 : 0o100755;
      archive.addFile(path, path.slice(root.length + 1), {
        mtime,
        mode,
        compressionLevel: level,
        forceDosTimestamp: true,
      });
    }
  }
  archive.end();
  try {
    await pipeline(archive.outputStream, createWriteStream(to), { signal: context.signal });
  } catch (error) {
    const failure = outputFailure(error, to);
    throw failure === undefined ? error : new FailureError(failure);
  }
}

/** A file itself, or the files of a folder in the order of their paths. */
async function filesIn(path: string): Promise<string[]> {
  if (!statSync(path).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
}
