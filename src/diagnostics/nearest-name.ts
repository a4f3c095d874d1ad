/**
 * The candidate that a mistyped word most likely means, or undefined when none is near: at most a third of the
 * longer word's characters may differ (one for words of up to four characters). Letter case and `-`/`_` are free.
 */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  const folded = fold(word);
  for (const candidate of candidates) {
    const other = fold(candidate);
    const limit = Math.min(
      bestDistance - 1,
      Math.max(1, Math.floor(Math.max(folded.length, other.length) / 3)),
    );
    const distance = editDistance(folded, other, limit);
    if (distance <= limit) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `did you mean "x"?` for a hint, or what there is to choose from when no name is near. */
export function suggestName(word: string, candidates: Iterable<string>, noun: string): string | undefined {
  const names = [...candidates];
  const near = nearestName(word, names);
  if (near !== undefined) return `did you mean "${near}"?`;
  if (names.length === 0) return undefined;
  const shown = names.slice(0, 12);
  return `${noun}: ${shown.join(', ')}${names.length > shown.length ? ' …' : ''}`;
}

const fold = (text: string): string => text.toLowerCase().replaceAll('_', '-');

/**
 * Damerau-Levenshtein distance (optimal string alignment: insert, delete, replace, swap of neighbours). Gives
 * `limit + 1` as soon as the distance must be greater than `limit`.
 */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  if (limit < 0 || Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const cost = a[row - 1] === b[column - 1] ? 0 : 1;
      let value = Math.min(at(last, column) + 1, at(current, column - 1) + 1, at(last, column - 1) + cost);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        value = Math.min(value, at(beforeLast, column - 2) + 1);
      }
      current.push(value);
    }
    if (Math.min(...current) > limit) return limit + 1;
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

const at = (row: readonly number[], column: number): number => row[column] ?? Number.POSITIVE_INFINITY;
