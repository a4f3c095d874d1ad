// Draws the live view of a recorded run as SVG: what a terminal of 80×24 showed at a moment of it.
// Usage: node scripts/picture.ts EVENTS.ndjson SECONDS > picture.svg
import { readFileSync } from 'node:fs';
import { UNICODE_GLYPHS } from '../src/ui/ink/node-line.ts';
import { screenLines, type Span } from '../src/ui/ink/screen.ts';
import type { Tone } from '../src/ui/paint.ts';
import { parseRecording } from '../src/ui/recording.ts';
import { EMPTY_RUN, reduce } from '../src/ui/view-model.ts';

const COLUMNS = 80;
const ROWS = 24;
/** Size of one character cell, in pixels. */
const CELL = { width: 8.4, height: 18 };
const PADDING = 14;

const COLORS: Record<Tone, string> = {
  plain: '#d8dee9',
  dim: '#7b8496',
  bold: '#eceff4',
  good: '#a3be8c',
  bad: '#bf616a',
  warn: '#ebcb8b',
  info: '#88c0d0',
};

const [file, seconds] = process.argv.slice(2);
if (file === undefined || seconds === undefined) {
  console.error('usage: node scripts/picture.ts EVENTS.ndjson SECONDS');
  process.exit(2);
}

const now = Number(seconds) * 1000;
const view = parseRecording(readFileSync(file, 'utf8'))
  .filter((event) => event.time <= now)
  .reduce(reduce, EMPTY_RUN);
const lines = screenLines(view, { columns: COLUMNS, rows: ROWS, now, glyphs: UNICODE_GLYPHS });
const width = COLUMNS * CELL.width + 2 * PADDING;
const height = lines.length * CELL.height + 2 * PADDING;

console.log(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="imgpipe build in a terminal">
<rect width="100%" height="100%" rx="8" fill="#2e3440"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" xml:space="preserve">
${lines.map((line, row) => textRow(line.spans, row)).join('\n')}
</g>
</svg>`);

function textRow(spans: readonly Span[], row: number): string {
  let column = 0;
  const parts = spans.flatMap((span) => {
    const text = span.text.slice(0, Math.max(0, COLUMNS - column));
    const x = PADDING + column * CELL.width;
    column += text.length;
    if (text.trim() === '') return [];
    const weight = span.tone === 'bold' ? ' font-weight="bold"' : '';
    // The length is given so that columns stay in line whatever font is found.
    const length = (text.length * CELL.width).toFixed(1);
    return `<tspan x="${x.toFixed(1)}" textLength="${length}" fill="${COLORS[span.tone]}"${weight}>${escaped(text)}</tspan>`;
  });
  const y = PADDING + (row + 0.75) * CELL.height;
  return `<text y="${y.toFixed(1)}">${parts.join('')}</text>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
