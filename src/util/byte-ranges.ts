/** Bytes from `start` up to but not including `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The same bytes as ascending ranges that do not touch. */
export function mergeRanges(ranges: readonly ByteRange[]): ByteRange[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (start >= end) continue;
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

/** What of `ranges` is not in `removed`; both merged. */
export function subtractRanges(ranges: readonly ByteRange[], removed: readonly ByteRange[]): ByteRange[] {
  const left: ByteRange[] = [];
  let next = 0;
  for (const { start, end } of ranges) {
    let at = start;
    while ((removed[next]?.end ?? Infinity) <= at) next += 1;
    for (let index = next; (removed[index]?.start ?? Infinity) < end; index += 1) {
      const hole = removed[index];
      if (hole === undefined) break;
      if (hole.start > at) left.push({ start: at, end: hole.start });
      at = Math.max(at, hole.end);
    }
    if (at < end) left.push({ start: at, end });
  }
  return left;
}

/** The ranges grown outwards to multiples of `step`, and merged; the last may end after the file. */
export function alignRanges(ranges: readonly ByteRange[], step: number): ByteRange[] {
  const grown = ranges.map(({ start, end }) => ({
    start: Math.floor(start / step) * step,
    end: Math.ceil(end / step) * step,
  }));
  return mergeRanges(grown);
}
