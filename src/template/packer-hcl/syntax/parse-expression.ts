import type { BinaryOperator, Expression } from './ast.ts';
import { type Cursor, MAX_DEPTH } from './cursor.ts';
import { parsePostfix } from './parse-postfix.ts';
import type { TokenKind } from './token.ts';

const PRECEDENCE: Partial<Record<TokenKind, number>> = {
  '||': 1,
  '&&': 2,
  '==': 3,
  '!=': 3,
  '<': 4,
  '>': 4,
  '<=': 4,
  '>=': 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
};

/** Reads one expression. HCL native syntax specification, "Expressions" and "Operations". */
export function parseExpression(cursor: Cursor): Expression {
  const condition = parseBinary(cursor, 1);
  if (cursor.take('?') === undefined) return condition;
  const whenTrue = cursor.nested(() => parseExpression(cursor));
  if (cursor.take(':') === undefined) {
    const token = cursor.peek();
    cursor.fail(
      'Missing false expression in conditional: expected a colon and the value for false.',
      token.start,
      token.end,
      {
        hint: 'Write CONDITION ? VALUE : OTHER_VALUE.',
      },
    );
  }
  const otherwise = cursor.nested(() => parseExpression(cursor));
  return { type: 'conditional', span: condition.span.to(otherwise.span), condition, whenTrue, otherwise };
}

function parseBinary(cursor: Cursor, least: number): Expression {
  let left = parseUnary(cursor);
  for (let length = 0; ; length += 1) {
    const token = cursor.peek();
    const precedence = PRECEDENCE[token.kind];
    if (precedence === undefined || precedence < least) return left;
    // A chain of operators leans to the left: as deep a tree as it is long.
    if (length > MAX_DEPTH) cursor.failTooDeep(token.start);
    cursor.next();
    const right = parseBinary(cursor, precedence + 1);
    const span = cursor.span(left.span.start, right.span.end);
    left = { type: 'binary', span, operator: token.kind as BinaryOperator, left, right };
  }
}

function parseUnary(cursor: Cursor): Expression {
  const token = cursor.peek();
  if (token.kind !== '!' && token.kind !== '-') return parsePostfix(cursor);
  cursor.next();
  const operand = cursor.nested(() => parseUnary(cursor));
  return { type: 'unary', span: cursor.span(token.start, operand.span.end), operator: token.kind, operand };
}
