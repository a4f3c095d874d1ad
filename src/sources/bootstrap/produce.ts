import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { capture, FailureError, type Result } from '../../diagnostics/failure.ts';
import { aptConfigText, hostAptSettings, hostProxyEnvironment } from '../../util/host-apt.ts';
import { LineSplitter } from '../../util/line-splitter.ts';
import { aptCacheId } from '../apt-cache.ts';
import { lockedLists } from '../archive/locked-lists.ts';
import type { BootstrapOptions } from '../bootstrap.ts';
import type { SourceRunContext } from '../source.ts';
import { formatDeb822 } from './apt-sources.ts';
import { chooseArchive, type Archive } from './choose-archive.ts';
import { bootstrapFailure } from './errors.ts';
import { lockSources, type LockedSources } from './lock-archive.ts';
import { BootstrapProgress } from './progress.ts';
import { BOOTSTRAP_SCRIPT, PREPARE_SCRIPT } from './script.ts';

/** Name of the user's own keyring in the image, without its ending. */
const OWN_KEYRING = '/etc/apt/keyrings/base';

/** Lines kept to find the cause of a failure in. */
const TAIL_LINES = 400;

/** Installs the base system into the empty target. Fails with `source-failed`, `tool-missing` or `input-missing`. */
export function produceBootstrap(
  options: BootstrapOptions,
  context: SourceRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    const archive = await chooseArchive(options, context);
    const folder = join(context.scratch, 'bootstrap');
    await mkdir(folder, { recursive: true });
    const sources = lockSources(archive, context.archives, options.mirrors !== undefined);
    await writeInputs(folder, archive, sources, context.architecture);
    const cache = await context.cacheFolder(aptCacheId(archive.distribution ?? 'other'));
    const lines: string[] = [];
    const progress = new BootstrapProgress((done, total) => context.progress(done, total, 'stages'));
    const splitter = new LineSplitter((line) => {
      context.log(line);
      lines.push(line);
      if (lines.length > TAIL_LINES) lines.shift();
      progress.line(line);
    });
    const outcome = await context.workspace.spawn({
      argv: [
        '/bin/sh',
        '-ec',
        BOOTSTRAP_SCRIPT,
        'imgpipe',
        ...mmdebstrapArguments(options, context, sources, folder),
      ],
      env: {
        ...hostProxyEnvironment(),
        PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C.UTF-8',
        TZ: 'UTC',
        HOME: '/root',
        TMPDIR: folder,
        SOURCE_DATE_EPOCH: String(context.sourceDateEpoch),
        DEBIAN_FRONTEND: 'noninteractive',
        // A run that dies never commits, so nothing is gained by waiting for the disk after every file.
        DPKG_FORCE: 'unsafe-io',
        IMGPIPE_TARGET: context.target.mountPoint,
        IMGPIPE_CACHE: cache,
        IMGPIPE_RUN: join(cache, `run-${randomBytes(6).toString('hex')}`),
        IMGPIPE_FILES: folder,
      },
      signal: context.signal,
      onOutput: (chunk) => splitter.push(chunk.text),
    });
    splitter.end();
    if (outcome.type === 'exited' && outcome.code === 0) return;
    throw new FailureError(bootstrapFailure(outcome, lines, options));
  });
}

/**
 * Files for the script: `apt.conf` for the download alone, `archives` with the locked state, `prepare.sh` for
 * mmdebstrap's hook, and, when the archive is not left to mmdebstrap, `download.sources` with the host's keyrings and
 * `image.sources` with what the image has.
 */
async function writeInputs(
  folder: string,
  { ownKeyring }: Archive,
  { download, image, releases }: LockedSources,
  architecture: string,
): Promise<void> {
  const settings = aptConfigText(await hostAptSettings());
  await writeFile(join(folder, 'apt.conf'), `Acquire::Retries "3";\nAcquire::PDiffs "false";\n${settings}`);
  await writeFile(join(folder, 'archives'), lockedLists(releases, architecture));
  await writeFile(join(folder, 'prepare.sh'), PREPARE_SCRIPT);
  if (download === undefined || image === undefined) return;
  await writeFile(join(folder, 'download.sources'), formatDeb822(download));
  if (ownKeyring === undefined) {
    await writeFile(join(folder, 'image.sources'), formatDeb822(image));
    return;
  }
  const key = await readFile(ownKeyring);
  const inImage = `${OWN_KEYRING}.${key.includes('-----BEGIN PGP') ? 'asc' : 'gpg'}`;
  await writeFile(join(folder, inImage.slice('/etc/apt/keyrings/'.length)), key);
  const rewritten = image.map((source) =>
    source.signedBy === ownKeyring ? { ...source, signedBy: inImage } : source,
  );
  await writeFile(join(folder, 'image.sources'), formatDeb822(rewritten));
}

function mmdebstrapArguments(
  options: BootstrapOptions,
  context: SourceRunContext,
  { download }: LockedSources,
  folder: string,
): string[] {
  // Cleaning up what no layer keeps would cost time: lists, downloads and logs are dropped when the layer is made.
  const skip = ['check/empty', 'download/empty', 'essential/unlink', 'cleanup/apt', 'cleanup/reproducible'];
  // The hook does it, in the locked state.
  skip.push('update');
  if (download !== undefined) skip.push('check/signed-by');
  return [
    '--mode=root',
    '--format=directory',
    '--verbose',
    `--variant=${options.variant}`,
    `--architectures=${context.architecture}`,
    `--components=${options.components.join(',')}`,
    ...(options.packages.length === 0 ? [] : [`--include=${options.packages.join(',')}`]),
    ...skip.map((stage) => `--skip=${stage}`),
    options.suite,
    context.target.mountPoint,
    ...(download === undefined ? [] : [join(folder, 'download.sources')]),
  ];
}
