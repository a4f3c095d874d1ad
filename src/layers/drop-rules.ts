import { globToRegExp } from '../util/glob.ts';
import { byteString, type ByteString } from './manifest.ts';

/** Whether a path of the image is left out by any of the patterns (see `CommitRules.drop`). */
export function dropMatcher(patterns: readonly string[]): (path: ByteString) => boolean {
  const sources = patterns.map((pattern) => {
    const contents = pattern.endsWith('/');
    const whole = globToRegExp(byteString(contents ? pattern.slice(0, -1) : pattern)).source.slice(1, -1);
    // All that lies in a folder, but not the folder; or the path itself with all that lies in it.
    return contents ? `${whole}/.+` : `${whole}(?:/.*)?`;
  });
  const expression = new RegExp(`^/(?:${sources.join('|')})$`, 's');
  return sources.length === 0 ? () => false : (path) => expression.test(path);
}
