import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import type { ArchiveRelease } from '../../model/archive.ts';
import type { Architecture } from '../../model/platform.ts';
import { runHostCommand, SpawnError } from '../../util/exec.ts';
import { parseOneLine, type AptSource } from './apt-sources.ts';
import { hostSources, sourcesFor } from './host-sources.ts';
import { distributionOf, unknownRelease } from './releases.ts';

/**
 * Where this host takes a release from: its own apt's archives, else those that mmdebstrap would choose.
 * @throws FailureError `source-failed` for a release that nobody knows, `tool-missing`
 */
export async function releaseSources(
  release: ArchiveRelease,
  architecture: Architecture,
  signal: AbortSignal,
): Promise<readonly AptSource[]> {
  const { suite, components } = release;
  const distribution = release.distribution === 'auto' ? await distributionOf(suite) : release.distribution;
  if (distribution === undefined) throw unknownRelease(suite);
  const own = sourcesFor({ suite, distribution, components, architecture }, await hostSources());
  return own ?? (await defaultSources(release, architecture, signal));
}

/** mmdebstrap's own choice: it is asked for its sources.list and stopped before it does anything. */
async function defaultSources(
  { suite, components }: ArchiveRelease,
  architecture: Architecture,
  signal: AbortSignal,
): Promise<readonly AptSource[]> {
  const folder = await mkdtemp(join(tmpdir(), 'imgpipe-release-'));
  const output: string[] = [];
  try {
    await runHostCommand({
      argv: [
        'mmdebstrap',
        '--mode=chrootless',
        '--variant=custom',
        '--format=null',
        `--architectures=${architecture}`,
        `--components=${components.join(',')}`,
        '--skip=check/signed-by,check/qemu',
        '--setup-hook=cat "$1/etc/apt/sources.list"; exit 1',
        suite,
        '/dev/null',
      ],
      env: {
        PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
        LC_ALL: 'C.UTF-8',
        HOME: folder,
        TMPDIR: folder,
      },
      signal,
      onOutput: ({ text }) => void output.push(text),
    });
  } catch (error) {
    if (!(error instanceof SpawnError)) throw error;
    throw new FailureError({
      reason: 'tool-missing',
      message: 'mmdebstrap is not installed',
      hint: 'Install the package mmdebstrap; `imgpipe doctor` shows all that is missing.',
      cause: error,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const sources = parseOneLine(output.join(''));
  if (sources.length > 0 || signal.aborted) return sources;
  throw new FailureError({
    reason: 'source-failed',
    message: `mmdebstrap knows no archive for ${suite}`,
    hint: 'Name `mirrors` that have it.',
    excerpt: output.join('').split('\n').slice(-10),
  });
}
