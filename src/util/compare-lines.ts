/** One line of a comparison: in both texts, only in the first, or only in the second. */
export interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** The fewest removals and additions that make one list of the other (Myers, 1986). */
export function compareLines(before: readonly string[], after: readonly string[]): Edit[] {
  return compareUpTo(before, after, Infinity) ?? [];
}

/** As `compareLines`; undefined when more than `most` lines differ, as that costs time and memory by the square. */
export function compareUpTo(
  before: readonly string[],
  after: readonly string[],
  most: number,
): Edit[] | undefined {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: ReadonlyMap<number, number>[] = [];
  for (let steps = 0; steps <= most; steps += 1) {
    trace.push(new Map(furthest));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const down = goesDown(furthest, diagonal, steps);
      let x = down ? (furthest.get(diagonal + 1) ?? 0) : (furthest.get(diagonal - 1) ?? 0) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walkBack(trace, before, after);
    }
  }
  return undefined;
}

const goesDown = (furthest: ReadonlyMap<number, number>, diagonal: number, steps: number): boolean =>
  diagonal === -steps ||
  (diagonal !== steps && (furthest.get(diagonal - 1) ?? 0) < (furthest.get(diagonal + 1) ?? 0));

function walkBack(
  trace: readonly ReadonlyMap<number, number>[],
  before: readonly string[],
  after: readonly string[],
): Edit[] {
  const edits: Edit[] = [];
  let x = before.length;
  let y = after.length;
  for (let steps = trace.length - 1; steps >= 0; steps -= 1) {
    const furthest = trace[steps] ?? new Map<number, number>();
    const diagonal = x - y;
    const down = goesDown(furthest, diagonal, steps);
    const previous = down ? diagonal + 1 : diagonal - 1;
    const previousX = furthest.get(previous) ?? 0;
    const previousY = previousX - previous;
    while (x > previousX && y > previousY && x > 0 && y > 0) {
      x -= 1;
      y -= 1;
      edits.push({ sign: ' ', line: before[x] ?? '' });
    }
    if (steps === 0) break;
    edits.push(
      down ? { sign: '+', line: after[previousY] ?? '' } : { sign: '-', line: before[previousX] ?? '' },
    );
    x = previousX;
    y = previousY;
  }
  return removalsFirst(edits.toReversed());
}

/** In a run of changes, what goes stands before what comes. */
function removalsFirst(edits: readonly Edit[]): Edit[] {
  const sorted: Edit[] = [];
  let added: Edit[] = [];
  for (const edit of edits) {
    if (edit.sign === '+') added.push(edit);
    else if (edit.sign === '-') sorted.push(edit);
    else {
      sorted.push(...added, edit);
      added = [];
    }
  }
  return [...sorted, ...added];
}

/** Lines that differ in one place: `count` lines from `start` (from 1) of each side; a count of 0 is a place between lines. */
export interface ChangedLines {
  readonly before: { readonly start: number; readonly count: number };
  readonly after: { readonly start: number; readonly count: number };
}

/** The places in which two texts differ. */
export function changedLines(edits: readonly Edit[]): ChangedLines[] {
  const places: ChangedLines[] = [];
  let old = 1;
  let now = 1;
  for (let at = 0; at < edits.length;) {
    if (edits[at]?.sign === ' ') {
      old += 1;
      now += 1;
      at += 1;
      continue;
    }
    const end = edits.findIndex((edit, index) => index >= at && edit.sign === ' ');
    const run = edits.slice(at, end === -1 ? undefined : end);
    const removed = run.filter(({ sign }) => sign === '-').length;
    const added = run.length - removed;
    places.push({ before: { start: old, count: removed }, after: { start: now, count: added } });
    old += removed;
    now += added;
    at += run.length;
  }
  return places;
}
