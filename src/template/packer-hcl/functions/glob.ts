/**
 * A file pattern as a regular expression of RE2: `*` and `?` within a name, `**` across folders, `[…]` and `{a,b}`.
 */
export function globPattern(pattern: string): string {
  let result = '^';
  let depth = 0;
  for (let at = 0; at < pattern.length; at += 1) {
    const sign = pattern[at]!;
    if (pattern.startsWith('**/', at) && (at === 0 || pattern[at - 1] === '/')) {
      result += '(?:[^/]*/)*';
      at += 2;
    } else if (pattern.startsWith('**', at)) {
      result += '.*';
      at += 1;
    } else if (sign === '*') result += '[^/]*';
    else if (sign === '?') result += '[^/]';
    else if (sign === '[') {
      const end = pattern.indexOf(']', at + 2);
      result += end === -1 ? '[' : pattern.slice(at, end + 1).replace(/^\[!/, '[^');
      if (end !== -1) at = end;
    } else if (sign === '{') {
      result += '(?:';
      depth += 1;
    } else if (sign === '}' && depth > 0) {
      result += ')';
      depth -= 1;
    } else if (sign === ',' && depth > 0) result += '|';
    else if (sign === '\\' && at + 1 < pattern.length) {
      result += escapeSign(pattern[at + 1]!);
      at += 1;
    } else result += escapeSign(sign);
  }
  return `${result}$`;
}

const escapeSign = (sign: string): string => (/[\\^$.|?*+()[\]{}]/.test(sign) ? `\\${sign}` : sign);
