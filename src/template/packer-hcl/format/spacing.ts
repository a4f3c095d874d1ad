import type { FormatToken } from './format-tokens.ts';

/** What may stand before a minus that is a sign and not an operator. */
const BEFORE_SIGN = new Set<string>([
  '(',
  '[',
  '{',
  ',',
  '=',
  ':',
  '?',
  '=>',
  '==',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '&&',
  '||',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
]);
const KEYWORDS = new Set(['in', 'if', 'for']);

/** Whether a blank stands between two tokens of a line; `before` is the token before `left`. */
export function spaceBetween(
  before: FormatToken | undefined,
  left: FormatToken,
  right: FormatToken,
): boolean {
  if (right.kind === ',' || right.kind === '...' || right.kind === '.' || left.kind === '.') return false;
  if (left.kind === '::' || right.kind === '::' || left.kind === '!') return false;
  if (left.kind === '{' && right.kind === '}') return false;
  if (left.kind === '{' || right.kind === '}') return true;
  if (left.kind === '(' || left.kind === '[' || right.kind === ')' || right.kind === ']') return false;
  if (left.kind === '-' && isSign(before)) return false;
  const isWord = left.kind === 'identifier' && !KEYWORDS.has(left.text);
  if (right.kind === '(') return !isWord;
  if (right.kind === '[')
    return !(
      isWord ||
      left.kind === 'number' ||
      left.kind === ')' ||
      left.kind === ']' ||
      left.kind === '}' ||
      left.kind === '*'
    );
  return true;
}

function isSign(before: FormatToken | undefined): boolean {
  return (
    before === undefined ||
    BEFORE_SIGN.has(before.kind) ||
    (before.kind === 'identifier' && KEYWORDS.has(before.text))
  );
}

/** The tokens of a line with canonical blanks between them. */
export function joinTokens(tokens: readonly FormatToken[]): string {
  let text = '';
  for (const [index, token] of tokens.entries()) {
    const left = tokens[index - 1];
    if (left !== undefined && spaceBetween(tokens[index - 2], left, token)) text += ' ';
    text += token.text;
  }
  return text;
}
