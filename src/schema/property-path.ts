/** Way into a value: property names and positions in lists. */
export type PropertyPath = readonly (string | number)[];

/** `steps[2].options["a b"]`: a path as users read it. */
export function formatPath(path: PropertyPath): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (!/^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(part)) text += `[${JSON.stringify(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** Reads what `formatPath` writes. Text that is no path is taken as one property name. */
export function parsePath(text: string): PropertyPath {
  const parts: (string | number)[] = [];
  const token = /\.?([\p{L}_$][\p{L}\p{N}_$-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/uy;
  while (token.lastIndex < text.length) {
    const match = token.exec(text);
    if (match === null) return [text];
    const [, name, index, quoted] = match;
    if (name !== undefined) parts.push(name);
    else if (index !== undefined) parts.push(Number(index));
    else parts.push(JSON.parse(quoted ?? '""') as string);
  }
  return parts;
}

/** The value at a path, undefined where the way ends early. */
export function valueAt(value: unknown, path: PropertyPath): unknown {
  let current = value;
  for (const part of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, part)) return undefined;
    current = (current as Record<string | number, unknown>)[part];
  }
  return current;
}
