import type { SourceRange } from '../../src/diagnostics/source-range.ts';

/** Takes the marks out of a text; the place of what stood between them. */
export function unmark(marked: string): {
  readonly text: string;
  readonly place?: Omit<SourceRange, 'file'>;
} {
  const start = marked.indexOf('«');
  if (start < 0) return { text: marked };
  const end = marked.indexOf('»');
  const at = (offset: number, less: number) => {
    const lines = marked.slice(0, offset).split('\n');
    return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 - less };
  };
  const from = at(start, 0);
  const to = at(end, 1);
  const text = marked.slice(0, start) + marked.slice(start + 1, end) + marked.slice(end + 1);
  return { text, place: { ...from, endLine: to.line, endColumn: to.column } };
}
