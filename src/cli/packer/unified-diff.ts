/** Lines of context around each change. */
const CONTEXT = 3;

interface Edit {
  readonly sign: ' ' | '-' | '+';
  readonly line: string;
}

/** What `diff -u --label OLD --label NEW` prints for two texts; empty when they are equal. */
export function unifiedDiff(before: string, after: string, oldLabel: string, newLabel: string): string {
  const edits = compareLines(linesOf(before), linesOf(after));
  const hunks = hunksOf(edits);
  if (hunks.length === 0) return '';
  return `--- ${oldLabel}\n+++ ${newLabel}\n${hunks.join('')}`;
}

/** Lines with their ends, so that a missing last line end is a difference. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

/** The fewest removals and additions that make one list of the other (Myers, 1986). */
function compareLines(before: readonly string[], after: readonly string[]): Edit[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: ReadonlyMap<number, number>[] = [];
  for (let steps = 0; ; steps += 1) {
    trace.push(new Map(furthest));
    for (let diagonal = -steps; diagonal <= steps; diagonal += 2) {
      const down = goesDown(furthest, diagonal, steps);
      let x = down ? (furthest.get(diagonal + 1) ?? 0) : (furthest.get(diagonal - 1) ?? 0) + 1;
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal]) x += 1;
      furthest.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length) return walkBack(trace, before, after);
    }
  }
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

function hunksOf(edits: readonly Edit[]): string[] {
  const changes = edits.flatMap((edit, index) => (edit.sign === ' ' ? [] : [index]));
  const hunks: string[] = [];
  for (let at = 0; at < changes.length;) {
    const start = Math.max(0, (changes[at] ?? 0) - CONTEXT);
    while (at + 1 < changes.length && (changes[at + 1] ?? 0) - (changes[at] ?? 0) <= 2 * CONTEXT + 1) at += 1;
    const end = Math.min(edits.length, (changes[at] ?? 0) + CONTEXT + 1);
    hunks.push(formatHunk(edits, start, end));
    at += 1;
  }
  return hunks;
}

function formatHunk(edits: readonly Edit[], start: number, end: number): string {
  const count = (from: number, to: number, sign: '-' | '+'): number =>
    edits.slice(from, to).filter((edit) => edit.sign === ' ' || edit.sign === sign).length;
  const range = (sign: '-' | '+'): string => {
    const length = count(start, end, sign);
    const first = count(0, start, sign) + (length === 0 ? 0 : 1);
    return length === 1 ? String(first) : `${first},${length}`;
  };
  const lines = edits
    .slice(start, end)
    .map(({ sign, line }) =>
      line.endsWith('\n') ? `${sign}${line}` : `${sign}${line}\n\\ No newline at end of file\n`,
    );
  return `@@ -${range('-')} +${range('+')} @@\n${lines.join('')}`;
}
