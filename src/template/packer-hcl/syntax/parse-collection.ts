import type { Expression, ObjectItem } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { describeToken, failInvalid } from './expected.ts';
import { parseExpression } from './parse-expression.ts';
import { parseForExpression } from './parse-for.ts';
import type { Token } from './token.ts';

/** Reads `[a, b]` or `[for …]`; the cursor stands at the bracket. */
export function parseTuple(cursor: Cursor): Expression {
  const open = cursor.next();
  return cursor.withNewlines(false, () => {
    if (cursor.atWord('for')) return parseForExpression(cursor, open.start, ']');
    const items: Expression[] = [];
    while (cursor.take(']') === undefined) {
      items.push(parseExpression(cursor));
      if (cursor.take(',') === undefined && !cursor.at(']'))
        failSeparator(cursor, open, 'Missing item separator: expected a comma before the next item.');
    }
    return { type: 'tuple', span: cursor.span(open.start), items };
  });
}

/** Reads `{a = b}` or `{for …}`; the cursor stands at the brace. */
export function parseObject(cursor: Cursor): Expression {
  const open = cursor.next();
  const isFor = cursor.withNewlines(false, () => cursor.atWord('for') && !isKeyOfItem(cursor));
  if (isFor) return cursor.withNewlines(false, () => parseForExpression(cursor, open.start, '}'));
  return cursor.withNewlines(true, () => {
    const items: ObjectItem[] = [];
    skipNewlines(cursor);
    while (cursor.take('}') === undefined) {
      items.push(parseItem(cursor));
      const separated = cursor.take(',') !== undefined || cursor.at('newline');
      skipNewlines(cursor);
      if (!separated && !cursor.at('}'))
        failSeparator(
          cursor,
          open,
          'Missing attribute separator: expected a newline or comma before the next attribute.',
        );
    }
    return { type: 'object', span: cursor.span(open.start), items };
  });
}

/** `{ for = 1 }` has a key that only looks like the word. */
function isKeyOfItem(cursor: Cursor): boolean {
  return /^for[ \t]*[=:]/.test(cursor.text.slice(cursor.peek().start, cursor.peek().start + 40));
}

function parseItem(cursor: Cursor): ObjectItem {
  const bare = cursor.peek();
  const expression = parseExpression(cursor);
  const separator = cursor.peek();
  if (separator.kind !== '=' && separator.kind !== ':') failItem(cursor, separator, expression);
  cursor.next();
  const value = parseExpression(cursor);
  if (expression.type === 'variable' || (expression.type === 'keyword' && bare.kind === 'identifier')) {
    const word = expression.span.text;
    const part = { type: 'text', span: expression.span, value: word } as const;
    return {
      key: { type: 'template', span: expression.span, parts: [part], form: 'quoted' },
      bareKey: word,
      value,
    };
  }
  if (expression.type === 'attribute-access' || expression.type === 'index') {
    cursor.fail(
      'Ambiguous attribute key: it could be a name or a reference.',
      expression.span.start,
      expression.span.end,
      {
        hint: 'Put it in quotes for a literal name, or in parentheses for a reference.',
      },
    );
  }
  return { key: expression, bareKey: undefined, value };
}

function failItem(cursor: Cursor, found: Token, key: Expression): never {
  failInvalid(cursor, found);
  if (found.kind === 'end')
    cursor.fail('Unclosed object: expected a closing brace.', key.span.start, key.span.end);
  return cursor.fail(
    `Missing attribute value: expected an attribute value, introduced by an equals sign ("="), but found ${describeToken(cursor, found)}.`,
    found.start,
    found.end,
  );
}

function failSeparator(cursor: Cursor, open: Token, message: string): never {
  const token = cursor.peek();
  failInvalid(cursor, token);
  const related = [
    { message: 'The collection opens here.', range: cursor.source.range(open.start, open.end) },
  ];
  if (token.kind === 'end') {
    cursor.fail(
      `Unclosed ${cursor.textOf(open) === '[' ? 'tuple: expected ]' : 'object: expected }'} to end it.`,
      token.start,
      token.end,
      { related },
    );
  }
  return cursor.fail(message, token.start, token.end, { related });
}

function skipNewlines(cursor: Cursor): void {
  while (cursor.take('newline') !== undefined);
}
