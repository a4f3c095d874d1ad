import { globToRegExp } from '../util/glob.ts';
import { byteString, textOf, type ByteString } from './manifest.ts';
import { resolvePath } from './resolve-path.ts';
import { join, type ViewIndex } from './view-index.ts';

/**
 * Absolute paths of a view that match a pattern part by part (`*` and `?` within one part), sorted. Links in folders
 * are followed and the given path is kept (as a shell does); names that are not UTF-8 do not match.
 */
export function globView(view: ViewIndex, patterns: readonly string[]): string[] {
  const matches = new Set<string>();
  for (const pattern of patterns) {
    const parts = pattern.split('/').filter((part) => part !== '');
    for (const path of expand(view, '/', parts.map(byteString))) matches.add(textOf(path));
  }
  return [...matches].filter((path) => !path.includes('\uFFFD')).toSorted();
}

function* expand(
  view: ViewIndex,
  directory: ByteString,
  parts: readonly ByteString[],
): Generator<ByteString> {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  for (const name of matchingNames(view, directory, part)) {
    const path = join(directory, name);
    if (rest.length > 0) yield* expand(view, path, rest);
    else yield path;
  }
}

function matchingNames(view: ViewIndex, directory: ByteString, part: ByteString): ByteString[] {
  const real = resolvePath(view, directory, { followLast: true });
  if (real.type !== 'path') return [];
  if (!/[*?]/.test(part)) return view.lookup(join(real.path, part)) === undefined ? [] : [part];
  const expression = globToRegExp(part);
  return view
    .list(real.path)
    .map((entry) => entry.path.slice(entry.path.lastIndexOf('/') + 1))
    .filter((name) => expression.test(name) && (part.startsWith('.') || !name.startsWith('.')));
}
