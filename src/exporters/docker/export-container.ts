import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { FailureError } from '../../diagnostics/failure.ts';
import type { ArtifactFile } from '../../model/artifact.ts';
import type { ExportContext } from '../exporter.ts';
import { withContainer } from './created-container.ts';

/** Writes the file system of an image to a tar, which takes its name when it is whole. @throws FailureError `export-failed` */
export async function exportContainer(
  image: string,
  { written, program }: { readonly written: string; readonly program: string },
  { pipeline: { directory }, signal, log }: Pick<ExportContext, 'pipeline' | 'signal' | 'log'>,
): Promise<ArtifactFile> {
  const file = path.resolve(directory, written);
  const temporary = `${file}.tmp-${process.pid}`;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
  const cli = new DockerCli({ program, signal });
  log('Exporting the container');
  try {
    const counted = await withContainer(image, cli, async (container) => {
      const { through, result } = hashing();
      await Promise.all([
        pipeline(through, createWriteStream(temporary)),
        cli.must(['export', container], 'Error exporting', { stdout: through, reason: 'export-failed' }),
      ]);
      return result();
    });
    await rename(temporary, file);
    return { path: file, ...counted };
  } catch (error) {
    if (error instanceof FailureError || !(error instanceof Error)) throw error;
    throw new FailureError({
      reason: 'code' in error && error.code === 'ENOSPC' ? 'disk-full' : 'export-failed',
      message: `${file} cannot be written: ${error.message}`,
      cause: error,
    });
  } finally {
    await rm(temporary, { force: true });
  }
}

function hashing(): { through: Transform; result: () => { size: number; sha256: string } } {
  const hash = createHash('sha256');
  let size = 0;
  const through = new Transform({
    transform: (chunk: Buffer, _encoding, passed) => {
      hash.update(chunk);
      size += chunk.length;
      passed(null, chunk);
    },
  });
  return { through, result: () => ({ size, sha256: hash.digest('hex') }) };
}
