import type { Failure } from './failure.ts';

/** Each variant of a matrix makes the same mistakes. */
export function withoutRepeats(failures: readonly Failure[]): Failure[] {
  const seen = new Set<string>();
  return failures.filter(({ message, origin }) => {
    const id = `${message}\n${origin?.file}:${origin?.line}:${origin?.column}`;
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
}
