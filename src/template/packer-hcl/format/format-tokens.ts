import { type TokenKind, scanToken } from '../syntax/token.ts';
import { markerEnd } from '../syntax/template-text.ts';
import { joinTokens } from './spacing.ts';

/** A token as the formatter sees it: strings and heredocs are one token each, their sequences already formatted. */
export interface FormatToken {
  readonly kind: TokenKind;
  readonly text: string;
}

/** All tokens of a text that is known to be valid, comments and line breaks too. */
export function formatTokens(text: string): FormatToken[] {
  const tokens: FormatToken[] = [];
  let at = 0;
  for (;;) {
    const token = scanToken(text, at);
    if (token.kind === 'end') return tokens;
    at = token.end;
    let shown = text.slice(token.start, token.end);
    if (token.kind === '"') {
      const end = readTemplate(text, token.end, undefined);
      shown += end.text;
      at = end.after;
    } else if (token.kind === 'heredoc') {
      const marker = shown.trim().replace(/^<<-?/, '');
      const end = readTemplate(text, token.end, marker);
      shown += end.text;
      at = end.after;
    }
    tokens.push({ kind: token.kind, text: token.kind === 'comment' ? shown.trimEnd() : shown });
  }
}

/** The text of a template up to its end, with what is inside `${ … }` and `%{ … }` formatted. */
function readTemplate(
  text: string,
  start: number,
  marker: string | undefined,
): { text: string; after: number } {
  const chunks: string[] = [];
  let at = start;
  let kept = start;
  while (at < text.length) {
    const sign = text[at];
    if (marker === undefined && sign === '"') break;
    if (marker !== undefined && sign === '\n') {
      const end = markerEnd(text, at + 1, marker);
      at = end ?? at + 1;
      if (end !== undefined) return { text: chunks.join('') + text.slice(kept, at), after: at };
    } else if (marker === undefined && sign === '\\') {
      at += 2;
    } else if ((sign === '$' || sign === '%') && text[at + 1] === sign && text[at + 2] === '{') {
      at += 3;
    } else if ((sign === '$' || sign === '%') && text[at + 1] === '{') {
      const open = text[at + 2] === '~' ? at + 3 : at + 2;
      const close = endOfSequence(text, open);
      chunks.push(text.slice(kept, open), formatSequence(text.slice(open, close)));
      at = close;
      kept = close;
    } else at += 1;
  }
  const after = marker === undefined ? Math.min(at + 1, text.length) : at;
  return { text: chunks.join('') + text.slice(kept, after), after };
}

/** The offset of the brace that closes a sequence, or of the `~` before it. */
function endOfSequence(text: string, start: number): number {
  let depth = 0;
  let at = start;
  for (;;) {
    const token = scanToken(text, at);
    if (token.kind === 'end') return text.length;
    if (token.kind === '{') depth += 1;
    if (token.kind === '}') {
      if (depth === 0) return text[token.start - 1] === '~' ? token.start - 1 : token.start;
      depth -= 1;
    }
    at = token.end;
    if (token.kind === '"') at = readTemplate(text, at, undefined).after;
    if (token.kind === 'heredoc')
      at = readTemplate(text, at, text.slice(token.start, token.end).trim().replace(/^<<-?/, '')).after;
  }
}

/** A sequence of one line is put in canonical spacing; one of several lines stays as it is. */
function formatSequence(text: string): string {
  if (text.includes('\n') || text.includes('#') || text.includes('//')) return text;
  return joinTokens(formatTokens(text));
}
