import stringWidth from 'string-width';
import type { SourceRange } from './source-range.ts';

/** A line of a file made fit for a terminal, and where the marked part lies in it. */
export interface Excerpt {
  readonly text: string;
  /** Blanks and squiggle to print under `text`. */
  readonly mark: string;
}

const TAB_WIDTH = 4;
const GRAPHEMES = new Intl.Segmenter();

/**
 * Cuts the line of `range` out of a file's text. Tabs become blanks, control characters `·`; lines wider than
 * `width` columns keep the part around the mark. Undefined when the file has no such line.
 */
export function excerpt(fileText: string, range: SourceRange, width: number): Excerpt | undefined {
  const line = nthLine(fileText, range.line);
  if (line === undefined) return undefined;
  const from = Math.min(Math.max(range.column - 1, 0), line.length);
  const sameLine = range.endLine === undefined || range.endLine === range.line;
  const wanted = sameLine ? (range.endColumn ?? range.column + 1) - 1 : line.trimEnd().length;
  const to = Math.max(from, Math.min(wanted, line.length));

  const before = printable(line.slice(0, from), 0);
  const beforeWidth = stringWidth(before);
  const marked = printable(line.slice(from, to), beforeWidth);
  const after = printable(line.slice(to), beforeWidth + stringWidth(marked));
  return fit(before, marked, after, Math.max(width, 20));
}

/** The n-th line (from 1) without its line break, found without splitting the whole file. */
function nthLine(text: string, line: number): string | undefined {
  const bom = text.startsWith('\uFEFF') ? 1 : 0;
  let start = bom;
  for (let current = 1; current < line; current++) {
    const end = text.indexOf('\n', start);
    if (end < 0) return undefined;
    start = end + 1;
  }
  const end = text.indexOf('\n', start);
  return text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
}

/** Text as it may be shown, tabs filled up from terminal column `column` on. */
function printable(text: string, column: number): string {
  let shown = '';
  let width = column;
  for (const char of text) {
    const next = char === '\t' ? ' '.repeat(TAB_WIDTH - (width % TAB_WIDTH)) : isControl(char) ? '·' : char;
    shown += next;
    width += next.length === 1 && next < '\u0300' ? 1 : stringWidth(next);
  }
  return shown;
}

const isControl = (char: string): boolean => /[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/u.test(char);

function fit(before: string, marked: string, after: string, width: number): Excerpt {
  const markedCut = cutEnd(marked, width - 2);
  const markWidth = Math.max(1, stringWidth(markedCut));
  let left = before;
  let leftCut = '';
  if (stringWidth(before) + markWidth + 1 > width) {
    leftCut = '…';
    left = cutStart(before, Math.max(0, Math.min(Math.floor(width / 3), width - markWidth - 2)));
  }
  const used = leftCut.length + stringWidth(left) + markWidth;
  const right = markedCut === marked ? cutEnd(after, Math.max(0, width - used)) : '';
  return {
    text: `${leftCut}${left}${markedCut}${right}`.trimEnd(),
    mark: ' '.repeat(leftCut.length + stringWidth(left)) + '~'.repeat(markWidth),
  };
}

/** The beginning of `text` in at most `width` columns; `…` stands for what is left out. */
function cutEnd(text: string, width: number): string {
  // Each character takes at most two columns, so short texts need not be measured.
  if (text.length * 2 <= width || stringWidth(text.slice(0, width * 4)) <= width) {
    if (text.length <= width * 4) return text;
  }
  let shown = '';
  let used = 0;
  for (const { segment } of GRAPHEMES.segment(text.slice(0, width * 8))) {
    used += stringWidth(segment);
    if (used > width - 1) break;
    shown += segment;
  }
  return width > 0 ? `${shown}…` : '';
}

/** The end of `text` in at most `width` columns. */
function cutStart(text: string, width: number): string {
  const segments = [...GRAPHEMES.segment(text.slice(-width * 4 - 1))].toReversed();
  let shown = '';
  let used = 0;
  for (const { segment } of segments) {
    used += stringWidth(segment);
    if (used > width) break;
    shown = segment + shown;
  }
  return shown;
}
