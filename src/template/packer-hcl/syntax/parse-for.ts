import type { Expression } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';

export interface ForIntroduction {
  readonly keyName: string | undefined;
  readonly valueName: string;
  readonly collection: Expression;
}

/** Reads `k, v in collection`, after the word `for`. */
export function parseForIntroduction(cursor: Cursor): ForIntroduction {
  const first = readName(cursor);
  const second = cursor.take(',') === undefined ? undefined : readName(cursor);
  if (!cursor.atWord('in')) {
    const token = cursor.peek();
    cursor.fail(
      "Invalid 'for' expression: expected the word in after the variable names.",
      token.start,
      token.end,
    );
  }
  cursor.next();
  const collection = parseExpression(cursor);
  return second === undefined
    ? { keyName: undefined, valueName: first, collection }
    : { keyName: first, valueName: second, collection };
}

function readName(cursor: Cursor): string {
  const token = cursor.take('identifier');
  if (token !== undefined) return cursor.textOf(token);
  const found = cursor.peek();
  return cursor.fail("Invalid 'for' expression: expected a variable name.", found.start, found.end, {
    hint: 'Write for NAME in COLLECTION, or for KEY, NAME in COLLECTION.',
  });
}

/** Reads the rest of a `for` expression; the cursor stands at the word `for`, after the bracket. */
export function parseForExpression(cursor: Cursor, start: number, close: ']' | '}'): Expression {
  cursor.next();
  const introduction = parseForIntroduction(cursor);
  if (cursor.take(':') === undefined) {
    const token = cursor.peek();
    cursor.fail("Invalid 'for' expression: expected a colon after the collection.", token.start, token.end);
  }
  const first = parseExpression(cursor);
  let key: Expression | undefined;
  let value = first;
  const arrow = cursor.take('=>');
  if (arrow !== undefined) {
    if (close === ']') {
      cursor.fail(
        "Invalid 'for' expression: a key is not valid when building a tuple.",
        first.span.start,
        arrow.end,
        {
          hint: 'Use braces instead of brackets to build an object.',
        },
      );
    }
    key = first;
    value = parseExpression(cursor);
  } else if (close === '}') {
    const token = cursor.peek();
    cursor.fail(
      "Invalid 'for' expression: a key is required when building an object.",
      token.start,
      token.end,
      {
        hint: 'Write KEY => VALUE, or use brackets to build a tuple.',
      },
    );
  }
  const dots = cursor.take('...');
  if (dots !== undefined && key === undefined) {
    cursor.fail(
      "Invalid 'for' expression: grouping (...) is only for building an object.",
      dots.start,
      dots.end,
    );
  }
  let condition: Expression | undefined;
  if (cursor.atWord('if')) {
    cursor.next();
    condition = parseExpression(cursor);
  }
  if (cursor.take(close) === undefined) {
    const token = cursor.peek();
    cursor.fail(`Invalid 'for' expression: expected ${close} after its last clause.`, token.start, token.end);
  }
  return {
    type: 'for-expression',
    span: cursor.span(start),
    ...introduction,
    key,
    value,
    group: dots !== undefined,
    condition,
  };
}
