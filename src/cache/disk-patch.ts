import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isErrno, writeFileAtomic } from '../util/atomic-file.ts';

/** Bytes that a disk has at a place where its base has others. Offset and length are multiples of 4096. */
export interface PatchRun {
  readonly offset: number;
  readonly bytes: Buffer;
}

const FORMAT = 'imgpipe-disk-patch-1';

const headSchema = z.object({ runs: z.array(z.tuple([z.int().nonnegative(), z.int().positive()])) });

/**
 * Writes the difference of a disk from its base:
 *
 *     imgpipe-disk-patch-1 SHA-256 of the rest\n
 *     {"runs":[[offset,length],…]}\n
 *     the bytes of all runs, one after the other
 *
 * Which disk and base it belongs to is said by its name. What opens was written whole, so no stamp is needed.
 */
export function writeDiskPatch(path: string, runs: readonly PatchRun[]): void {
  const head = JSON.stringify({ runs: runs.map(({ offset, bytes }) => [offset, bytes.length]) });
  const body = Buffer.concat([Buffer.from(`${head}\n`), ...runs.map((run) => run.bytes)]);
  writeFileAtomic(path, Buffer.concat([Buffer.from(`${FORMAT} ${digest(body)}\n`), body]));
}

/** The runs of a patch file, ascending; undefined when there is none, or not a whole one. */
export function readDiskPatch(path: string): readonly PatchRun[] | undefined {
  let file: Buffer;
  try {
    file = readFileSync(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
  const bodyAt = file.indexOf('\n') + 1;
  const body = file.subarray(bodyAt);
  if (file.toString('latin1', 0, bodyAt) !== `${FORMAT} ${digest(body)}\n`) return undefined;
  let at = body.indexOf('\n') + 1;
  return headSchema.parse(JSON.parse(body.toString('utf8', 0, at))).runs.map(([offset, length]) => {
    const bytes = body.subarray(at, at + length);
    at += length;
    return { offset, bytes };
  });
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
