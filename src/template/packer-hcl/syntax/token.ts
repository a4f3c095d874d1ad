/** What the scanner finds outside of templates. Punctuation and operators are their own kind. */
export type TokenKind =
  | 'identifier'
  | 'number'
  /** The quote that opens a template. */
  | '"'
  /** `<<NAME` or `<<-NAME` with the rest of its line. */
  | 'heredoc'
  | 'newline'
  | 'comment'
  | 'end'
  | 'invalid'
  | Punctuation;

export type Punctuation = (typeof PUNCTUATION)[number];

/** Longest first, so that the first match is the right one. */
const PUNCTUATION = [
  '...',
  '==',
  '!=',
  '<=',
  '>=',
  '=>',
  '&&',
  '||',
  '::',
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  '.',
  ',',
  '=',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
  '?',
  ':',
  '~',
] as const;

export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

const BY_FIRST = new Map<string, readonly Punctuation[]>();
for (const sign of PUNCTUATION) BY_FIRST.set(sign[0]!, [...(BY_FIRST.get(sign[0]!) ?? []), sign]);

const IDENTIFIER = /[\p{ID_Start}_][\p{ID_Continue}-]*/uy;
const NUMBER = /[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const HEREDOC = /<<-?([\p{ID_Start}_][\p{ID_Continue}-]*)[ \t]*(?=\r?\n|$)/uy;

/** Whether the whole text is an HCL identifier. HCL native syntax specification, "Identifiers". */
export function isIdentifier(text: string): boolean {
  return matchAt(IDENTIFIER, text, 0) === text.length && text !== '';
}

/** The next token at or after `offset`, blanks skipped. Never fails: what it does not know is `invalid`. */
export function scanToken(text: string, offset: number): Token {
  let start = offset;
  while (text[start] === ' ' || text[start] === '\t') start += 1;
  const first = text[start];
  if (first === undefined) return { kind: 'end', start: text.length, end: text.length };
  const make = (kind: TokenKind, end: number): Token => ({ kind, start, end });
  if (first === '\n') return make('newline', start + 1);
  if (first === '\r' && text[start + 1] === '\n') return make('newline', start + 2);
  if (first === '"') return make('"', start + 1);
  if (first === '#' || text.startsWith('//', start)) return make('comment', endOfLine(text, start));
  if (text.startsWith('/*', start)) {
    const close = text.indexOf('*/', start + 2);
    return close === -1 ? make('invalid', text.length) : make('comment', close + 2);
  }
  if (text.startsWith('<<', start)) {
    const end = matchAt(HEREDOC, text, start);
    if (end !== -1) return make('heredoc', end);
  }
  const identifier = matchAt(IDENTIFIER, text, start);
  if (identifier !== -1) return make('identifier', identifier);
  const number = matchAt(NUMBER, text, start);
  if (number !== -1) return make('number', number);
  for (const sign of BY_FIRST.get(first) ?? []) {
    if (text.startsWith(sign, start)) return make(sign, start + sign.length);
  }
  return make('invalid', start + String.fromCodePoint(text.codePointAt(start)!).length);
}

function matchAt(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : -1;
}

/** Offset of the line break (or end of text) that ends the line of `offset`. */
function endOfLine(text: string, offset: number): number {
  const newline = text.indexOf('\n', offset);
  if (newline === -1) return text.length;
  return text[newline - 1] === '\r' && newline - 1 >= offset ? newline - 1 : newline;
}
