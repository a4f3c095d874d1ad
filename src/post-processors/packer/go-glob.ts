import { lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';

const META = /[*?[\\]/;

/**
 * The paths that a pattern finds as Go's `filepath.Glob` finds them: `*`, `?` and `[…]` within a name, `\` before a sign
 * that means itself; names that begin with a dot count, `**` and `{a,b}` mean nothing more. Folders that cannot be read
 * have nothing in them.
 * @param base folder from which relative patterns go
 * @throws FailureError `post-failed` for a pattern that is not well formed
 */
export function goGlob(pattern: string, base: string): readonly string[] {
  if (!META.test(pattern)) return exists(path.resolve(base, pattern)) ? [pattern] : [];
  const slash = pattern.lastIndexOf('/');
  const name = namePattern(pattern.slice(slash + 1));
  const written = pattern.slice(0, slash + 1);
  const folder = written === '' ? '.' : written === '/' ? '/' : written.slice(0, -1);
  const folders = META.test(folder) ? goGlob(folder, base) : [folder];
  return folders.flatMap((one) =>
    namesIn(path.resolve(base, one))
      .filter((entry) => name.test(entry))
      .map((entry) => path.join(one, entry)),
  );
}

function exists(file: string): boolean {
  return lstatSync(file, { throwIfNoEntry: false }) !== undefined;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch {
    return [];
  }
}

/** One name's pattern as a regular expression. */
function namePattern(pattern: string): RegExp {
  let result = '';
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern.charAt(at);
    if (sign === '*') result += '[^/]*';
    else if (sign === '?') result += '[^/]';
    else if (sign === '[') {
      const group = /^\[(\^?)((?:\\.|[^\\\]])+)\]/su.exec(pattern.slice(at));
      if (group === null) throw badPattern(pattern);
      const [whole, not = '', members = ''] = group;
      result += `[${not}${members.replaceAll(/\\(.)|([[&~|^])/gsu, (_all, escaped?: string, own?: string) => `\\${escaped ?? own ?? ''}`)}]`;
      at += whole.length - 1;
    } else if (sign === '\\') {
      at += 1;
      if (at === pattern.length) throw badPattern(pattern);
      result += escapeSign(pattern.charAt(at));
    } else result += escapeSign(sign);
  }
  try {
    return new RegExp(`^${result}$`, 's');
  } catch {
    // A range the wrong way round.
    throw badPattern(pattern);
  }
}

const escapeSign = (sign: string): string => sign.replace(/[\\^$.|?*+()[\]{}]/, '\\$&');

const badPattern = (pattern: string): FailureError =>
  new FailureError({ reason: 'post-failed', message: `syntax error in pattern: ${pattern}` });
