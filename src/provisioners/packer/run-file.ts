import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import { shellQuote } from '../../util/shell-quote.ts';
import type { StepRunContext } from '../provisioner.ts';
import { type Clock, REAL_CLOCK } from './clock.ts';
import { type PackerFileOptions, sourcesOf } from './file.ts';
import { RemoteShell } from './remote-shell.ts';
import { isGiven } from './scripts.ts';
import { stepFailure } from './step-failure.ts';

type Remote = RemoteShell<PackerFileOptions>;

/** Name and mode of the file that a text becomes on its way. */
const CONTENT_FILE = 'pkr-file-content';
const CONTENT_MODE = 0o600;

/** Copies the files, in their order. @throws nothing: gives `input-missing`, `communicator-failed`, `step-failed` */
export async function runPackerFile(
  options: PackerFileOptions,
  machine: Machine,
  context: StepRunContext,
  clock: Clock = REAL_CLOCK,
): Promise<Result<void>> {
  return await capture(async () => {
    const remote = await RemoteShell.open(options, machine, context, clock);
    const destination = remote.render(remote.options.destination ?? '');
    const sources = sourcesOf(remote.options).map((source) => remote.render(source));
    if (remote.options.direction === 'download') {
      for (const source of sources)
        await told('Download failed', remote, () => download(remote, source, destination));
      return;
    }
    for (const source of sources)
      await told('Upload failed', remote, () => upload(remote, source, destination));
    const { content } = remote.options;
    if (!isGiven(content)) return;
    context.log(`Uploading ${CONTENT_FILE} => ${destination}`);
    const target = destination.endsWith('/') ? destination + CONTENT_FILE : destination;
    await remote.upload({ content }, target, CONTENT_MODE);
  });
}

/** Says in the log as well why a transfer failed, as Packer does. */
async function told(what: string, { context }: Remote, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (error instanceof FailureError && error.failures[0]?.reason === 'communicator-failed')
      context.log(`${what}: ${error.failures[0].message}`);
    throw error;
  }
}

async function upload(remote: Remote, source: string, destination: string): Promise<void> {
  const { context, communicator } = remote;
  context.log(`Uploading ${source} => ${destination}`);
  const file = context.resolvePath(source);
  const status = await stat(file).catch((cause: unknown) => {
    throw stepFailure(`stat ${source}: no such file or directory`, { reason: 'input-missing', cause });
  });
  const progress = {
    onProgress: (done: number, total: number | undefined) => context.progress(done, total, 'bytes'),
  };
  if (status.isDirectory()) {
    await communicator.uploadTree(file, await folderFor(remote, source, destination), progress);
    return;
  }
  const target = destination.endsWith('/') ? destination + path.basename(source) : destination;
  await communicator.uploadFile({ path: file }, target, { mode: status.mode & 0o777, ...progress });
}

/**
 * Where what is in a source folder goes: with a slash at its end, into the destination; without one, into a folder of
 * its name there. `docker cp` makes a destination that is not there the copy itself.
 */
async function folderFor(remote: Remote, source: string, destination: string): Promise<string> {
  if (source.endsWith('/')) return destination;
  const inside = path.posix.join(destination, path.basename(source));
  if (remote.options.packer_builder_type !== 'docker') return inside;
  const { code } = await remote.run(`test -d ${shellQuote(destination)}`, { quiet: true });
  return code === 0 ? inside : destination;
}

async function download(remote: Remote, source: string, destination: string): Promise<void> {
  const { context, communicator } = remote;
  const isPattern = /[*?[]/.test(source);
  const intoFolder = destination.endsWith('/');
  const named = intoFolder && !source.endsWith('/') && !source.endsWith('*');
  const target = named ? path.join(destination, path.posix.basename(source)) : destination;
  context.log(`Downloading ${source} => ${target}`);
  const place = context.resolvePath(target);
  await mkdir(context.resolvePath(intoFolder ? destination : path.dirname(destination)), { recursive: true });
  if (isPattern) await downloadMatches(remote, source, place);
  else if (source.endsWith('/')) await communicator.downloadTree(source, folderOf(remote, source, place));
  else await communicator.downloadFile(source, place);
}

/** `scp -r`, with which Packer fetches folders, brings them by their names. It fetches none out of containers. */
const folderOf = ({ options }: Remote, source: string, place: string): string =>
  options.packer_builder_type === 'docker' ? place : path.join(place, path.posix.basename(source));

/** What the machine's shell makes of a pattern: files and folders, each by its name. */
async function downloadMatches(remote: Remote, pattern: string, place: string): Promise<void> {
  const words = pattern
    .split(/([*?]|\[[^\]]*\])/)
    .map((part, index) => (index % 2 === 1 || part === '' ? part : shellQuote(part)))
    .join('');
  const list = `for f in ${words}; do if [ -d "$f" ]; then echo "d$f"; elif [ -e "$f" ]; then echo "f$f"; fi; done`;
  const { stdout } = await remote.run(list, { quiet: true });
  const found = stdout.split(/\r?\n/).filter((line) => line !== '');
  if (found.length === 0) throw stepFailure(`Download failed: nothing in the machine matches ${pattern}`);
  await mkdir(place, { recursive: true });
  for (const line of found) {
    const file = line.slice(1);
    const target = path.join(place, path.posix.basename(file));
    if (line.startsWith('d')) await remote.communicator.downloadTree(file, target);
    else await remote.communicator.downloadFile(file, target);
  }
}
