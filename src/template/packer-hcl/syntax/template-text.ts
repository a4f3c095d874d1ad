import type { Cursor } from './cursor.ts';

/** How a template is written: decides its escapes and its end. */
export type TemplateForm =
  | { readonly type: 'quoted'; readonly start: number }
  | { readonly type: 'heredoc'; readonly start: number; readonly marker: string; readonly flush: boolean }
  | { readonly type: 'plain'; readonly start: number };

/** A run of literal text, at most one line long, and what stands after it. */
export interface LiteralRun {
  readonly value: string;
  readonly end: number;
  readonly stop: 'line' | 'interpolation' | 'control' | 'end';
  /** Offset after the closing quote or heredoc marker when `stop` is `end`. */
  readonly after: number;
}

const QUOTED_RUN = /[^"\\$%\r\n]+/y;
const LINE_RUN = /[^$%\n]+/y;

/**
 * Reads literal text up to the next `${`, `%{`, end of line or end of the template.
 * HCL native syntax specification, "Templates". Fails when the template has no end.
 */
export function readLiteralRun(
  cursor: Cursor,
  form: TemplateForm,
  offset: number,
  atLineStart: boolean,
): LiteralRun {
  const { text } = cursor;
  const chunks: string[] = [];
  let at = offset;
  const run = (stop: LiteralRun['stop'], after = at): LiteralRun => ({
    value: chunks.join(''),
    end: at,
    stop,
    after,
  });

  if (form.type === 'heredoc' && atLineStart) {
    const after = markerEnd(text, at, form.marker);
    if (after !== undefined) return run('end', after);
  }
  for (;;) {
    const pattern = form.type === 'quoted' ? QUOTED_RUN : LINE_RUN;
    pattern.lastIndex = at;
    if (pattern.test(text)) {
      chunks.push(text.slice(at, pattern.lastIndex));
      at = pattern.lastIndex;
    }
    const sign = text[at];
    if (sign === undefined) return form.type === 'plain' ? run('end') : failUnclosed(cursor, form);
    if (sign === '$' || sign === '%') {
      if (text[at + 1] === sign && text[at + 2] === '{') {
        chunks.push(`${sign}{`);
        at += 3;
      } else if (text[at + 1] === '{') {
        return run(sign === '$' ? 'interpolation' : 'control');
      } else {
        chunks.push(sign);
        at += 1;
      }
    } else if (form.type !== 'quoted') {
      chunks.push('\n');
      at += 1;
      return run('line');
    } else if (sign === '"') {
      return run('end', at + 1);
    } else if (sign === '\\') {
      const escape = readEscape(cursor, at);
      chunks.push(escape.value);
      at = escape.end;
    } else if (sign === '\r' && text[at + 1] !== '\n') {
      chunks.push(sign);
      at += 1;
    } else {
      return failUnclosed(cursor, form, at);
    }
  }
}

/** The offset after a heredoc's closing marker, when the line at `start` is that marker. */
export function markerEnd(text: string, start: number, marker: string): number | undefined {
  let at = start;
  while (text[at] === ' ' || text[at] === '\t') at += 1;
  if (!text.startsWith(marker, at)) return undefined;
  const after = at + marker.length;
  let end = after;
  while (text[end] === ' ' || text[end] === '\t' || text[end] === '\r') end += 1;
  return end >= text.length || text[end] === '\n' ? after : undefined;
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\' };

function readEscape(cursor: Cursor, at: number): { value: string; end: number } {
  const { text } = cursor;
  const letter = text[at + 1] ?? '';
  const simple = SIMPLE_ESCAPES[letter];
  if (simple !== undefined) return { value: simple, end: at + 2 };
  if (letter === 'u' || letter === 'U') {
    const length = letter === 'u' ? 4 : 8;
    const digits = text.slice(at + 2, at + 2 + length);
    const code = /^[0-9a-fA-F]+$/.test(digits) && digits.length === length ? Number.parseInt(digits, 16) : -1;
    if (code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) {
      return { value: String.fromCodePoint(code), end: at + 2 + length };
    }
    cursor.report(
      `Invalid escape sequence: \\${letter} must be followed by ${length} hexadecimal digits of a Unicode character.`,
      at,
      at + 2,
    );
    return { value: '', end: at + 2 };
  }
  if (letter === '' || letter === '\n' || letter === '\r') return { value: '\\', end: at + 1 };
  cursor.report(
    `Invalid escape sequence: the symbol ${JSON.stringify(letter)} is not a valid escape.`,
    at,
    at + 2,
    {
      hint: 'Write \\\\ for a backslash.',
    },
  );
  return { value: letter, end: at + 2 };
}

function failUnclosed(cursor: Cursor, form: TemplateForm, at = cursor.text.length): never {
  if (form.type === 'heredoc') {
    cursor.fail(
      `Unterminated heredoc: no line holds only the closing marker ${form.marker}.`,
      form.start,
      form.start + 2 + form.marker.length,
    );
  }
  if (at < cursor.text.length) {
    cursor.fail(
      'Invalid multi-line string: a quoted string must end on the line where it starts.',
      form.start,
      at,
      {
        hint: 'Close it with a quote, write \\n for a line break, or use a heredoc (<<EOT).',
      },
    );
  }
  return cursor.fail('Unterminated string: the closing quote is missing.', form.start, at);
}
