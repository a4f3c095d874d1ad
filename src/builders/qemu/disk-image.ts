import { constants, createWriteStream, existsSync } from 'node:fs';
import { copyFile, link } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as z from 'zod';
import { FailureError } from '../../diagnostics/failure.ts';
import { decompressed, detectCompression } from '../../sources/tar/compression.ts';
import { isErrno } from '../../util/atomic-file.ts';
import { hostProgram } from './host-program.ts';

const infoSchema = z.object({
  format: z.string(),
  'virtual-size': z.number(),
  'backing-filename': z.string().optional(),
});

const ANEW = 'Get the file anew; a `checksum` finds this out before anything else.';

export interface ImageInfo {
  readonly format: string;
  /** Bytes that the machine sees. */
  readonly size: number;
}

/**
 * What kind of disk image a file is. @throws FailureError `source-failed` when it is damaged, stands on another file, or
 * is none
 */
export async function inspectImage(path: string, signal: AbortSignal): Promise<ImageInfo> {
  const text = await hostProgram(['qemu-img', 'info', '--output=json', path], {
    signal,
    reason: 'source-failed',
  });
  const info = infoSchema.parse(JSON.parse(text));
  const backing = info['backing-filename'];
  if (backing !== undefined) {
    const isThere = existsSync(resolve(dirname(path), backing));
    throw new FailureError({
      reason: 'source-failed',
      message: `${path} is not whole: it stands on ${backing}${isThere ? '' : ', which is not there'}`,
      hint: `${isThere ? 'Make' : 'Put that file there, and make'} one of both: qemu-img convert -O qcow2 ${path} whole.qcow2`,
    });
  }
  if (info.format === 'qcow2') await requireWhole(path, signal);
  return { format: info.format, size: info['virtual-size'] };
}

/** qemu-img opens a qcow2 that was cut off without a word; its check sees what is missing. */
async function requireWhole(path: string, signal: AbortSignal): Promise<void> {
  await hostProgram(['qemu-img', 'check', '-q', '-f', 'qcow2', path], {
    signal,
    reason: 'source-failed',
  }).catch((error: unknown) => {
    if (!(error instanceof FailureError) || error.failures[0]?.reason !== 'source-failed') throw error;
    throw new FailureError({
      reason: 'source-failed',
      message: `${path} is damaged or was cut off`,
      hint: ANEW,
      excerpt: error.failures[0]?.excerpt ?? [],
      cause: error,
    });
  });
}

/**
 * A disk image as a qcow2 file of its own at `target`, decompressed, and converted from other formats.
 * @param options.mayLink whether nobody else will change the file, so that a hard link to it does
 * @returns bytes that the machine sees
 */
export async function takeImage(
  source: string,
  target: string,
  options: { readonly signal: AbortSignal; readonly convert: readonly string[]; readonly mayLink: boolean },
): Promise<number> {
  const { signal } = options;
  const compression = await detectCompression(source);
  let path = source;
  if (compression !== 'none') {
    path = join(dirname(target), 'decompressed.img');
    await pipeline(decompressed(source, compression), createWriteStream(path), { signal }).catch(
      (cause: unknown) => {
        if (signal.aborted || cause instanceof FailureError) throw cause;
        throw new FailureError({
          reason: 'source-failed',
          message: `${source} is damaged or was cut off: ${cause instanceof Error ? cause.message : String(cause)}`,
          hint: ANEW,
          cause,
        });
      },
    );
  }
  const { format, size } = await inspectImage(path, signal);
  if (format === 'qcow2') await linkOrCopy(path, target, options.mayLink || path !== source);
  else {
    const settings = ['-f', format, '-O', 'qcow2', '-W', '-m', '8', ...options.convert];
    await hostProgram(['qemu-img', 'convert', ...settings, path, target], {
      signal,
      reason: 'source-failed',
    });
  }
  return size;
}

async function linkOrCopy(source: string, target: string, mayLink: boolean): Promise<void> {
  if (mayLink) {
    try {
      return await link(source, target);
    } catch (error) {
      // Another file system, or one without links.
      if (!isErrno(error, 'EXDEV', 'EPERM', 'EMLINK')) throw error;
    }
  }
  await copyFile(source, target, constants.COPYFILE_FICLONE);
}

/**
 * A qcow2 file that takes the writes upon another, whose path is relative to its own folder; an empty disk without one.
 * The lower file may be in use.
 */
export async function makeOverlay(
  path: string,
  options: {
    readonly below?: string;
    readonly size: number;
    readonly signal: AbortSignal;
    readonly create?: readonly string[];
  },
): Promise<void> {
  const { below, size, signal, create = [] } = options;
  const backing = below === undefined ? [] : ['-u', '-b', below, '-F', 'qcow2'];
  await hostProgram(['qemu-img', 'create', '-q', '-f', 'qcow2', ...create, ...backing, path, String(size)], {
    signal,
    reason: 'step-failed',
  });
}

/** Writes a disk with all that it stands on as a flat raw file. @throws FailureError `disk-failed`, `disk-full` */
export async function writeFlatDisk(
  disk: string,
  target: string,
  options: { readonly signal: AbortSignal; readonly more: readonly string[] },
): Promise<void> {
  const convert = ['qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', '-W', '-m', '8'] as const;
  await hostProgram([...convert, ...options.more, disk, target], {
    signal: options.signal,
    reason: 'disk-failed',
  });
}
