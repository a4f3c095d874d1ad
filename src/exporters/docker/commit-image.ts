import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerCli } from '../../communicators/docker/docker-cli.ts';
import { isErrno, writeFileAtomic } from '../../util/atomic-file.ts';
import { canonicalJson } from '../../util/canonical-json.ts';
import { sha256Hex } from '../../util/hash.ts';
import type { DockerCommitOptions } from '../docker-commit.ts';
import type { ExportContext } from '../exporter.ts';
import { withContainer } from './created-container.ts';

/** The state to be committed, and the image that its pipeline began with, both as ids. */
export interface CommittedState {
  readonly image: string;
  readonly source: string;
}

/**
 * Gives the id of an image made of a state. As long as the daemon has the one that it was made into before, with the
 * same options, that is it. @throws FailureError `export-failed`
 */
export async function commitImage(
  state: CommittedState,
  options: DockerCommitOptions,
  { cacheFolder, signal, log }: Pick<ExportContext, 'cacheFolder' | 'signal' | 'log'>,
): Promise<string> {
  const { docker_path: program, ...meaning } = options;
  const cli = new DockerCli({ program, signal });
  const note = join(await cacheFolder('docker-commit'), sha256Hex(canonicalJson({ state, meaning })));
  const before = await readNote(note);
  if (before !== undefined && (await cli.run(['image', 'inspect', '--format', '-', before])).code === 0) {
    return before;
  }
  log('Committing the container');
  // Asked while the container is made.
  const changes = changesOf(state.source, options.changes, cli);
  changes.catch(() => undefined);
  const id = await withContainer(state.image, cli, async (container) =>
    cli.must(
      [
        'commit',
        ...(isGiven(options.author) ? ['--author', options.author] : []),
        ...(await changes).flatMap((change) => ['--change', change]),
        ...(isGiven(options.message) ? ['--message', options.message] : []),
        container,
      ],
      'Error committing container',
      { reason: 'export-failed' },
    ),
  );
  log(`Image ID: ${id}`);
  writeFileAtomic(note, id);
  return id;
}

const isGiven = (text: string | undefined): text is string => text !== undefined && text !== '';

/**
 * Instructions for the image. Containers of a build run a shell; what the first image starts has to be said again. A
 * list with an empty text is how the daemon is told that there is nothing to start.
 */
async function changesOf(
  source: string,
  given: readonly string[],
  cli: DockerCli,
): Promise<readonly string[]> {
  const missing = ['CMD', 'ENTRYPOINT'].filter((word) => !given.some((change) => change.startsWith(word)));
  if (missing.length === 0) return given;
  const format = '{{json .Config.Cmd}}\n{{json .Config.Entrypoint}}';
  const printed = await cli.must(['image', 'inspect', '--format', format, source], 'Error inspecting image', {
    reason: 'export-failed',
  });
  const [command = 'null', entrypoint = 'null'] = printed.split('\n');
  const words = { CMD: command, ENTRYPOINT: entrypoint };
  const own = missing.map((word) => {
    const value = words[word as keyof typeof words];
    return `${word} ${value === 'null' || value === '[]' ? '[""]' : value}`;
  });
  return [...given, ...own];
}

async function readNote(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
