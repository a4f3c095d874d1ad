import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';
import { LineSplitter } from '../../util/line-splitter.ts';
import type { SourceRunContext } from '../source.ts';
import { tarOption, type Compression } from './compression.ts';
import type { TarScan } from './scan.ts';

/** A scanned tar on its way into a tree. */
export interface Unpacking {
  readonly file: string;
  readonly compression: Compression;
  readonly scan: TarScan;
  readonly target: string;
  readonly stripComponents?: number;
  /** Whether owners and modes are the tar's (default), or those of whoever unpacks. */
  readonly owners?: boolean;
  /** For messages: which tar. */
  readonly name: string;
}

type UnpackContext = Pick<SourceRunContext, 'workspace' | 'scratch' | 'signal' | 'log'>;

/**
 * Unpacks a scanned tar with GNU tar in the workspace, where owners can be set: numeric owners, modes, times, file
 * capabilities and user attributes as the tar has them. Attributes of overlayfs are not taken over.
 * @throws FailureError `source-failed`, `tool-missing`
 */
export async function unpackTar(unpacking: Unpacking, context: UnpackContext): Promise<void> {
  const { scan, target, name } = unpacking;
  const lists = join(context.scratch, 'unpack');
  await mkdir(lists, { recursive: true });
  await writeFile(join(lists, 'excluded'), scan.excluded.map((line) => `${line}\n`).join(''));
  await writeFile(join(lists, 'removals'), scan.removals.map((path) => `./${path}\0`).join(''));
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => {
    context.log(line);
    lines.push(line);
    if (lines.length > 20) lines.shift();
  });
  const outcome = await context.workspace.spawn({
    argv: [
      ...confinedTo(target),
      '/bin/sh',
      '-ec',
      SCRIPT,
      'imgpipe',
      target,
      lists,
      ...tarArguments(unpacking, lists),
    ],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8' },
    signal: context.signal,
    onOutput: (chunk) => splitter.push(chunk.text),
  });
  splitter.end();
  if (outcome.type === 'exited' && outcome.code === 0) return;
  const absent = lines.some((line) => /tar: not found/.test(line));
  if (absent)
    throw new FailureError({
      reason: 'tool-missing',
      message: 'tar is not installed',
      hint: 'Install GNU tar.',
    });
  const last = lines.findLast((line) => !line.includes('Exiting with failure status')) ?? 'tar failed';
  throw new FailureError({
    reason: 'source-failed',
    message: `${name} cannot be unpacked: ${last.replace(/^tar: /, '')}`,
    excerpt: lines,
  });
}

function tarArguments(unpacking: Unpacking, lists: string): readonly string[] {
  const { file, target, compression, stripComponents = 0, owners = true } = unpacking;
  return [
    '--extract',
    `--file=${file}`,
    `--directory=${target}`,
    ...tarOption(compression),
    ...(owners ? OWNED : UNOWNED),
    '--delay-directory-restore',
    '--xattrs',
    '--xattrs-include=security.capability',
    '--xattrs-include=user.*',
    '--xattrs-exclude=user.overlay.*',
    '--anchored',
    '--no-wildcards',
    `--exclude-from=${join(lists, 'excluded')}`,
    ...(stripComponents === 0 ? [] : [`--strip-components=${stripComponents}`]),
  ];
}

/** What tar needs for owners, modes, times and file capabilities of others' files. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP'];

/**
 * The scan and tar read the same bytes with two parsers, so a tar might be made that each reads as something else.
 * Whatever tar makes of it, it can write in the tree alone, and make no device nodes.
 */
function confinedTo(target: string): readonly string[] {
  const capabilities = CAPABILITIES.flatMap((name) => ['--cap-add', `CAP_${name}`]);
  const rest = ['--unshare-net', '--die-with-parent', '--new-session', '--cap-drop', 'ALL', ...capabilities];
  return ['bwrap', '--ro-bind', '/', '/', '--dev', '/dev', '--bind', target, target, ...rest, '--'];
}

const OWNED = ['--numeric-owner', '--same-owner', '--preserve-permissions'];
const UNOWNED = ['--no-same-owner', '--no-same-permissions'];

/** In units of 512 bytes: no file of 1 TiB or more, which a tar of a few bytes can hold as one hole. */
const LARGEST_FILE = 2 ** 31 - 1;

/** $1 the tree, $2 the folder of lists; the rest are tar's arguments. */
const SCRIPT = `
umask 022
ulimit -f ${LARGEST_FILE}
cd "$1"
xargs -0 -r rm -rf --one-file-system -- < "$2/removals"
shift 2
tar "$@"`;
