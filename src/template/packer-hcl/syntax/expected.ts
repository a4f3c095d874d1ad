import type { Cursor } from './cursor.ts';
import type { Token } from './token.ts';

/** How a token is called in a message. */
export function describeToken(cursor: Cursor, token: Token): string {
  switch (token.kind) {
    case 'end':
      return 'the end of the file';
    case 'newline':
      return 'the end of the line';
    case '"':
      return 'a quoted string';
    case 'heredoc':
      return 'a heredoc';
    default:
      return JSON.stringify(cursor.textOf(token).slice(0, 40));
  }
}

/** Fails where an expression should start, with the best guess at what was meant. */
export function failExpression(cursor: Cursor, token: Token): never {
  failInvalid(cursor, token);
  return cursor.fail(
    `Invalid expression: expected the start of an expression, but found ${describeToken(cursor, token)}.`,
    token.start,
    token.end,
  );
}

/** Fails when the token is one that no place of the language allows. */
export function failInvalid(cursor: Cursor, token: Token): void {
  if (token.kind !== 'invalid') return;
  const text = cursor.textOf(token);
  const guess = GUESSES[text];
  if (guess !== undefined) cursor.fail(guess.message, token.start, token.end, { hint: guess.hint });
  if (text.startsWith('/*')) cursor.fail('Unterminated comment: expected */.', token.start, token.start + 2);
  if (text === '$' && cursor.text[token.end] === '{') {
    cursor.fail(
      'Invalid character "$": template sequences are only valid inside a string.',
      token.start,
      token.end,
      {
        hint: 'Write the expression bare, or put quotes around "${ … }".',
      },
    );
  }
  cursor.fail(`Invalid character ${JSON.stringify(text)}: it has no meaning here.`, token.start, token.end);
}

const GUESSES: Readonly<Record<string, { message: string; hint: string }>> = {
  "'": {
    message: 'Invalid character: single quotes are not valid.',
    hint: 'Use double quotes (") around strings.',
  },
  '`': {
    message: 'Invalid character: backquotes are not valid.',
    hint: 'Use a heredoc (<<EOT) for text of many lines.',
  },
  ';': {
    message: 'Invalid character: the ";" character is not valid.',
    hint: 'Use a line break to end each attribute.',
  },
  '&': {
    message: 'Unsupported operator: bitwise operators are not supported.',
    hint: 'Use "&&" for a boolean AND.',
  },
  '|': {
    message: 'Unsupported operator: bitwise operators are not supported.',
    hint: 'Use "||" for a boolean OR.',
  },
  '^': {
    message: 'Unsupported operator: bitwise operators are not supported.',
    hint: 'Use pow() for powers.',
  },
  '\u201c': {
    message: 'Invalid character: curly quotes are not valid.',
    hint: 'Use straight quotes (") around strings.',
  },
  '\u201d': {
    message: 'Invalid character: curly quotes are not valid.',
    hint: 'Use straight quotes (") around strings.',
  },
};
