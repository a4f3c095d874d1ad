import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import type { Failure, Result } from '../../diagnostics/failure.ts';
import { FailureError, capture, unwrap } from '../../diagnostics/failure.ts';
import type { HostInput } from '../../model/host-input.ts';
import type { FileContent, TreeEntry } from '../../model/tree-entry.ts';
import { isErrno } from '../../util/atomic-file.ts';
import { globToRegExp } from '../../util/glob.ts';
import { ownerOf, parseMode } from '../../schema/image-fields.ts';
import type { FileEntryOptions, FileOptions } from '../file.ts';
import type { StepContext } from '../provisioner.ts';
import { substitute } from './substitute.ts';

interface NamedEntry {
  readonly entry: FileEntryOptions;
  /** Prefix of option names in messages: empty, or `files[2].`. */
  readonly prefix: string;
}

const listed = (options: FileOptions): readonly NamedEntry[] =>
  options.files?.map((entry, index) => ({ entry, prefix: `files[${index}].` })) ?? [
    { entry: options, prefix: '' },
  ];

/** Host files of a `file` step. */
export function fileInputs(options: FileOptions, context: StepContext): readonly HostInput[] {
  return listed(options).flatMap(({ entry, prefix }) =>
    entry.source === undefined
      ? []
      : [
          {
            path: context.resolvePath(entry.source),
            type: 'any' as const,
            option: `${prefix}source`,
            modes: entry.mode === undefined,
            ...(entry.exclude === undefined ? {} : { exclude: entry.exclude }),
          },
        ],
  );
}

/**
 * What a `file` step puts into the image, in the order written.
 * Fails with `input-missing` or, for unknown template variables, `template-invalid`.
 */
export function entriesOf(options: FileOptions, context: StepContext): Promise<Result<readonly TreeEntry[]>> {
  return capture(async () => {
    const lists = await Promise.all(listed(options).map((named) => entriesOfOne(named, context)));
    return lists.flat();
  });
}

async function entriesOfOne({ entry, prefix }: NamedEntry, context: StepContext): Promise<TreeEntry[]> {
  const path = trimSlash(entry.path ?? '/');
  const placed = { path, owner: ownerOf(entry.owner), group: ownerOf(entry.group) };
  if (entry.remove === true) return [{ type: 'remove', path }];
  if (entry.symlink !== undefined) return [{ ...placed, type: 'symlink', target: entry.symlink }];
  const mode = entry.mode === undefined ? undefined : parseMode(entry.mode);
  if (entry.directory === true) return [{ ...placed, type: 'directory', mode: mode ?? 0o755 }];
  if (entry.content !== undefined) {
    const content = textContent(entry.content, entry, `${prefix}content`);
    return [{ ...placed, type: 'file', mode: mode ?? 0o644, content }];
  }
  return await fromSource(entry, `${prefix}source`, context.resolvePath(entry.source ?? ''));
}

async function fromSource(entry: FileEntryOptions, option: string, source: string): Promise<TreeEntry[]> {
  try {
    const info = await stat(source);
    if (info.isDirectory()) return await treeEntries(entry, option, source);
    return [await fileEntry(entry, option, source, trimSlash(entry.path ?? '/'), info.mode)];
  } catch (error) {
    if (error instanceof FailureError) throw error;
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP'))
      throw new FailureError(missing(option, source, 'does not exist'));
    if (isErrno(error, 'EACCES', 'EPERM')) throw new FailureError(missing(option, source, 'cannot be read'));
    throw error;
  }
}

async function fileEntry(
  entry: FileEntryOptions,
  option: string,
  source: string,
  path: string,
  hostMode: number,
): Promise<TreeEntry> {
  const content: FileContent =
    entry.variables === undefined
      ? { type: 'host-file', path: source }
      : textContent(await readFile(source, 'utf8'), entry, `${option} ${source}`);
  const mode = entry.mode === undefined ? plainMode(hostMode) : parseMode(entry.mode);
  return { type: 'file', path, owner: ownerOf(entry.owner), group: ownerOf(entry.group), mode, content };
}

/**
 * All that lies in a folder. Folders become entries only where the user said something about them (owner, group,
 * `dirMode`) or they are empty: copying a tree onto /etc must not change /etc itself.
 */
async function treeEntries(entry: FileEntryOptions, option: string, root: string): Promise<TreeEntry[]> {
  const base = trimSlash(entry.path ?? '/');
  const excluded = (entry.exclude ?? []).map(globToRegExp);
  const placed = { owner: ownerOf(entry.owner), group: ownerOf(entry.group) };
  const stated = entry.dirMode !== undefined || entry.owner !== undefined || entry.group !== undefined;
  const dirMode = parseMode(entry.dirMode ?? '0755');
  const found: TreeEntry[] = [];
  const visit = async (relative: string): Promise<void> => {
    const folder = relative === '' ? root : `${root}/${relative}`;
    const names = (await readdir(folder)).filter((name) => {
      const path = relative === '' ? name : `${relative}/${name}`;
      return !excluded.some((pattern) => pattern.test(path));
    });
    const path = join(base, relative);
    if (path !== '/' && (stated || names.length === 0))
      found.push({ ...placed, type: 'directory', path, mode: dirMode });
    for (const name of names.toSorted()) {
      const inner = relative === '' ? name : `${relative}/${name}`;
      const host = `${root}/${inner}`;
      const info = await lstat(host);
      if (info.isDirectory()) await visit(inner);
      else if (info.isSymbolicLink()) {
        found.push({ ...placed, type: 'symlink', path: join(base, inner), target: await readlink(host) });
      } else if (info.isFile())
        found.push(await fileEntry(entry, option, host, join(base, inner), info.mode));
      else throw new FailureError(missing(option, host, 'is neither a file, a folder nor a symbolic link'));
    }
  };
  await visit('');
  return found;
}

function textContent(text: string, entry: FileEntryOptions, where: string): FileContent {
  return {
    type: 'text',
    text: entry.variables === undefined ? text : unwrap(substitute(text, entry.variables, where)),
  };
}

/** Only the executable bit of a host mode lands in an image; the rest is the user's umask. */
const plainMode = (mode: number): number => ((mode & 0o111) === 0 ? 0o644 : 0o755);

const trimSlash = (path: string): string => (path === '/' ? path : path.replace(/\/+$/, ''));

const join = (base: string, relative: string): string =>
  relative === '' ? base : `${base === '/' ? '' : base}/${relative}`;

function missing(option: string, path: string, what: string): Failure {
  return {
    reason: 'input-missing',
    message: `${option}: ${path} ${what}`,
    hint: 'Relative paths start at the folder of the template.',
  };
}
