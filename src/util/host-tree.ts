import { lstatSync, readdirSync, realpathSync, statSync, type BigIntStats } from 'node:fs';
import { join } from 'node:path';
import { isErrno } from './atomic-file.ts';
import { globToRegExp } from './glob.ts';

export interface HostTree {
  /** The folder. */
  readonly path: string;
  /** Glob patterns over relative paths: what matches is left out, with all below it. */
  readonly exclude?: readonly string[];
  /** Whether links are taken for what they lead to. */
  readonly links?: 'followed';
}

export interface HostTreeEntry {
  /** Relative to the folder, with slashes. */
  readonly path: string;
  /** The entry itself. */
  readonly stat: BigIntStats;
  /** Of a symbolic link that is followed: what it leads to. */
  readonly target?: BigIntStats;
}

/** All entries below a folder in byte order of their paths, a folder before what is in it. */
export function listHostTree({ path: root, exclude = [], links }: HostTree): HostTreeEntry[] {
  return listFolder(root, '', { excluded: exclude.map(globToRegExp), follows: links === 'followed' });
}

function listFolder(
  root: string,
  prefix: string,
  rules: { readonly excluded: readonly RegExp[]; readonly follows: boolean },
): HostTreeEntry[] {
  const names = readdirSync(join(root, prefix)).toSorted((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  return names.flatMap((name) => {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    if (rules.excluded.some((pattern) => pattern.test(path))) return [];
    const full = join(root, path);
    const stat = lstatSync(full, { bigint: true });
    const target = rules.follows && stat.isSymbolicLink() ? targetOf(full) : undefined;
    const entry = { path, stat, ...(target && { target }) };
    if (!(target ?? stat).isDirectory()) return [entry];
    return [entry, ...listFolder(root, path, rules)];
  });
}

/** What a link leads to; undefined for nothing, and for a folder above the link, which would have no end. */
function targetOf(link: string): BigIntStats | undefined {
  try {
    const stat = statSync(link, { bigint: true });
    if (!stat.isDirectory()) return stat;
    const above = `${realpathSync(join(link, '..'))}/`;
    return above.startsWith(`${realpathSync(link)}/`) ? undefined : stat;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) return undefined;
    throw error;
  }
}
