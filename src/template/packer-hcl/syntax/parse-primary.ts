import type { Expression } from './ast.ts';
import type { Cursor } from './cursor.ts';
import { failExpression } from './expected.ts';
import { parseObject, parseTuple } from './parse-collection.ts';
import { parseExpression } from './parse-expression.ts';
import { parseHeredoc, parseQuotedTemplate } from './parse-template.ts';
import type { Token } from './token.ts';

const KEYWORDS = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** Reads a literal, template, collection, name, call or parenthesised expression. */
export function parsePrimary(cursor: Cursor): Expression {
  const token = cursor.peek();
  switch (token.kind) {
    case 'number':
      cursor.next();
      return { type: 'number', span: cursor.spanOf(token), text: cursor.textOf(token) };
    case 'identifier':
      cursor.next();
      return parseName(cursor, token);
    case '"':
      return parseQuotedTemplate(cursor);
    case 'heredoc':
      return parseHeredoc(cursor);
    case '(':
      return cursor.nested(() => parseParentheses(cursor));
    case '[':
      return cursor.nested(() => parseTuple(cursor));
    case '{':
      return cursor.nested(() => parseObject(cursor));
    default:
      return failExpression(cursor, token);
  }
}

function parseName(cursor: Cursor, token: Token): Expression {
  const name = cursor.textOf(token);
  if (cursor.at('(') || cursor.at('::')) return parseCall(cursor, token);
  const keyword = KEYWORDS.get(name);
  if (keyword !== undefined) return { type: 'keyword', span: cursor.spanOf(token), value: keyword };
  return { type: 'variable', span: cursor.spanOf(token), name };
}

function parseParentheses(cursor: Cursor): Expression {
  const open = cursor.next();
  const inner = cursor.withNewlines(false, () => {
    const expression = parseExpression(cursor);
    if (cursor.take(')') === undefined) {
      const token = cursor.peek();
      cursor.fail(
        'Unbalanced parentheses: expected a closing parenthesis to end the expression.',
        token.start,
        token.end,
        {
          related: [
            { message: 'The parenthesis opens here.', range: cursor.source.range(open.start, open.end) },
          ],
        },
      );
    }
    return expression;
  });
  return { type: 'parentheses', span: cursor.span(open.start), inner };
}

function parseCall(cursor: Cursor, nameToken: Token): Expression {
  let name = cursor.textOf(nameToken);
  while (cursor.take('::') !== undefined) name += `::${cursor.textOf(cursor.next())}`;
  const nameSpan = cursor.span(nameToken.start);
  if (!cursor.at('(')) {
    const token = cursor.peek();
    cursor.fail(
      'Missing open parenthesis: a function call needs its arguments in parentheses.',
      token.start,
      token.end,
    );
  }
  return cursor.nested(() => {
    const open = cursor.next();
    const args: Expression[] = [];
    const expandLast = cursor.withNewlines(false, () => readArguments(cursor, args, name, open));
    return { type: 'call', span: cursor.span(nameToken.start), name, nameSpan, arguments: args, expandLast };
  });
}

/** Reads up to and with the closing parenthesis; tells whether the last argument is expanded (`...`). */
function readArguments(cursor: Cursor, args: Expression[], name: string, open: Token): boolean {
  for (;;) {
    if (cursor.take(')') !== undefined) return false;
    args.push(parseExpression(cursor));
    if (cursor.take('...') !== undefined) {
      cursor.take(',');
      if (cursor.take(')') !== undefined) return true;
      const token = cursor.peek();
      cursor.fail('Expected a closing parenthesis after the expanded last argument.', token.start, token.end);
    }
    if (cursor.take(',') !== undefined || cursor.at(')')) continue;
    const token = cursor.peek();
    const related = [
      { message: `The arguments of ${name} start here.`, range: cursor.source.range(open.start, open.end) },
    ];
    if (token.kind === 'end')
      cursor.fail('Unclosed function call: expected a closing parenthesis.', token.start, token.end, {
        related,
      });
    cursor.fail(
      'Missing argument separator: a comma is required between function arguments.',
      token.start,
      token.end,
      { related },
    );
  }
}
