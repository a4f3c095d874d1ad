import { compareLines, type Edit } from '../../util/compare-lines.ts';

/** Lines of context around each change. */
const CONTEXT = 3;

/** What `diff -u --label OLD --label NEW` prints for two texts; empty when they are equal. */
export function unifiedDiff(before: string, after: string, oldLabel: string, newLabel: string): string {
  const edits = compareLines(linesOf(before), linesOf(after));
  const hunks = hunksOf(edits);
  if (hunks.length === 0) return '';
  return `--- ${oldLabel}\n+++ ${newLabel}\n${hunks.join('')}`;
}

/** Lines with their ends, so that a missing last line end is a difference. */
const linesOf = (text: string): string[] => text.match(/[^\n]*\n|[^\n]+$/g) ?? [];

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
