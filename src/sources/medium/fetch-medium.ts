import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { copyFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { FailureError } from '../../diagnostics/failure.ts';
import { isErrno } from '../../util/atomic-file.ts';
import { sha256Hex } from '../../util/hash.ts';
import { parseChecksum, type FileDigest } from './checksum.ts';
import type { MediumOptions } from './fields.ts';
import { listedDigest, networkMessage } from './listed-digest.ts';

export interface MediumContext {
  readonly signal: AbortSignal;
  readonly resolvePath: (path: string) => string;
  /** Folder kept between runs, by its id. */
  readonly cacheFolder: (id: string) => Promise<string>;
  readonly log: (line: string) => void;
  readonly status: (text: string) => void;
  readonly progress: (done: number, total: number | undefined, unit: string) => void;
}

/**
 * A local file with the medium, checked against its checksum: the file itself, or one of the download cache, in which a
 * download that broke off goes on where it ended.
 * @throws FailureError `input-missing`, `source-failed`, `disk-full`, `aborted`
 */
export async function fetchMedium(options: MediumOptions, context: MediumContext): Promise<string> {
  if (options.path !== undefined) {
    const path = context.resolvePath(options.path);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() !== true)
      throw new FailureError({ reason: 'input-missing', message: `path: ${path} is not a file` });
    await verify(path, await wantedDigest(options, basename(path), context), options.path, context);
    return path;
  }
  const addresses = options.urls ?? [options.url ?? ''];
  const problems: string[] = [];
  for (const address of addresses) {
    try {
      return await download(address, options, context);
    } catch (error) {
      if (context.signal.aborted)
        throw new FailureError({ reason: 'aborted', message: 'the run was stopped' });
      if (isErrno(error, 'ENOSPC')) throw full(error);
      problems.push(`${address}: ${networkMessage(error)}`);
      if (error instanceof FailureError && addresses.length === 1) throw error;
      context.log(problems.at(-1) ?? '');
    }
  }
  throw new FailureError({ reason: 'source-failed', message: `download failed: ${problems.join('; ')}` });
}

async function download(address: string, options: MediumOptions, context: MediumContext): Promise<string> {
  const name = basename(new URL(address).pathname);
  const wanted = await wantedDigest(options, name, context);
  const folder = await context.cacheFolder('downloads');
  const target = join(
    folder,
    wanted === undefined ? sha256Hex(address) : `${wanted.algorithm}-${wanted.hex}`,
  );
  if (wanted !== undefined && (await isThere(target))) {
    if (await matches(target, wanted)) return target;
    await rm(target, { force: true });
  }
  const part = `${target}.part`;
  // Only a checksum tells whether two halves belong together.
  if (wanted === undefined) await rm(part, { force: true });
  context.status(`downloads ${name}`);
  await transfer(address, part, context);
  if (wanted !== undefined && !(await matches(part, wanted))) {
    await rm(part, { force: true });
    throw mismatch(address, wanted);
  }
  await rename(part, target);
  return target;
}

async function transfer(address: string, part: string, context: MediumContext): Promise<void> {
  const { signal } = context;
  if (address.startsWith('file:')) return await copyFile(fileURLToPath(address), part);
  const have = (await stat(part).catch(() => undefined))?.size ?? 0;
  const answer = await fetch(address, {
    signal,
    redirect: 'follow',
    headers: have > 0 ? { range: `bytes=${have}-` } : {},
  });
  // 416: there is nothing behind what we have.
  if (answer.status === 416) return;
  if (!answer.ok || answer.body === null)
    throw new Error(`the server answers ${answer.status} ${answer.statusText}`);
  const goesOn = answer.status === 206;
  let done = goesOn ? have : 0;
  const length = answer.headers.get('content-length');
  const total = length === null ? undefined : done + Number(length);
  const body = Readable.fromWeb(answer.body);
  body.on('data', (chunk: Buffer) => {
    done += chunk.length;
    context.progress(done, total, 'bytes');
  });
  await pipeline(body, createWriteStream(part, { flags: goesOn ? 'a' : 'w' }), { signal });
}

async function wantedDigest(
  options: MediumOptions,
  name: string,
  context: MediumContext,
): Promise<FileDigest | undefined> {
  const checksum = options.checksum === undefined ? undefined : parseChecksum(options.checksum);
  if (checksum === undefined || checksum.type === 'none') return undefined;
  if (checksum.type === 'digest') return checksum.digest;
  return await listedDigest(checksum.address, [name], context);
}

async function verify(
  path: string,
  wanted: FileDigest | undefined,
  name: string,
  context: MediumContext,
): Promise<void> {
  if (wanted === undefined) return;
  context.status(`checks ${name}`);
  if (!(await matches(path, wanted))) throw mismatch(name, wanted);
}

async function matches(path: string, wanted: FileDigest): Promise<boolean> {
  const hash = createHash(wanted.algorithm);
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex') === wanted.hex;
}

const isThere = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined)) !== undefined;

function mismatch(name: string, wanted: FileDigest): FailureError {
  return new FailureError({
    reason: 'source-failed',
    message: `${name} does not have the checksum ${wanted.algorithm}:${wanted.hex}`,
    hint: 'The file was changed or is damaged: get it anew, or correct `checksum`.',
  });
}

function full(cause: unknown): FailureError {
  return new FailureError({ reason: 'disk-full', message: 'no space is left for the download', cause });
}
