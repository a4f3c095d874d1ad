import type { Expression, SplatStep } from './ast.ts';
import { type Cursor, MAX_DEPTH } from './cursor.ts';
import { parseExpression } from './parse-expression.ts';
import { parsePrimary } from './parse-primary.ts';
import type { Token } from './token.ts';

/** Reads a term and the `.name`, `[index]`, `.0`, `.*` and `[*]` that follow it. */
export function parsePostfix(cursor: Cursor): Expression {
  let term = parsePrimary(cursor);
  for (let length = 0; ; length += 1) {
    if (length > MAX_DEPTH) cursor.failTooDeep(cursor.peek().start);
    const start = term.span.start;
    if (cursor.take('.') !== undefined) {
      const token = cursor.next();
      if (token.kind === '*') {
        const each = readEach(cursor, false);
        term = { type: 'splat', span: cursor.span(start), form: 'attribute', source: term, each };
      } else if (token.kind === 'number') {
        const key = legacyIndex(cursor, token);
        term = { type: 'index', span: cursor.span(start), collection: term, key };
      } else if (token.kind === 'identifier') {
        const nameSpan = cursor.spanOf(token);
        term = {
          type: 'attribute-access',
          span: cursor.span(start),
          object: term,
          name: cursor.textOf(token),
          nameSpan,
        };
      } else {
        failAttributeName(cursor, token);
      }
    } else if (cursor.at('[')) {
      const index = readIndex(cursor);
      if (index === '*') {
        const each = readEach(cursor, true);
        term = { type: 'splat', span: cursor.span(start), form: 'full', source: term, each };
      } else {
        term = { type: 'index', span: cursor.span(start), collection: term, key: index };
      }
    } else {
      return term;
    }
  }
}

/** Reads `[expression]` or `[*]`. */
function readIndex(cursor: Cursor): Expression | '*' {
  const open = cursor.next();
  return cursor.nested(() =>
    cursor.withNewlines(false, () => {
      if (cursor.take('*') !== undefined) {
        closeIndex(cursor, open);
        return '*';
      }
      const key = parseExpression(cursor);
      closeIndex(cursor, open);
      return key;
    }),
  );
}

function closeIndex(cursor: Cursor, open: Token): void {
  if (cursor.take(']') !== undefined) return;
  const token = cursor.peek();
  cursor.fail('Missing close bracket on index: expected ].', token.start, token.end, {
    related: [{ message: 'The index starts here.', range: cursor.source.range(open.start, open.end) }],
  });
}

/** What a splat does to each item: attributes, and for `[*]` indexes too. */
function readEach(cursor: Cursor, withIndexes: boolean): SplatStep[] {
  const steps: SplatStep[] = [];
  for (;;) {
    if (steps.length > 10_000) cursor.failTooDeep(cursor.peek().start);
    const start = cursor.peek().start;
    if (cursor.take('.') !== undefined) {
      const token = cursor.next();
      if (token.kind === 'identifier') {
        steps.push({ type: 'attribute', name: cursor.textOf(token), span: cursor.span(start) });
      } else if (token.kind === 'number') {
        steps.push({ type: 'index', key: legacyIndex(cursor, token), span: cursor.span(start) });
      } else if (token.kind === '*') {
        cursor.fail(
          'Nested splat expression not allowed: a splat .* may not stand inside another one.',
          token.start,
          token.end,
          { hint: 'Use the full splat [*] instead.' },
        );
      } else {
        failAttributeName(cursor, token);
      }
    } else if (withIndexes && cursor.at('[')) {
      const before = cursor.peek().start;
      const index = readIndex(cursor);
      if (index === '*')
        cursor.fail('A splat may not follow a splat.', before, cursor.offset, {
          hint: 'Use flatten() or a for expression.',
        });
      else steps.push({ type: 'index', key: index, span: cursor.span(start) });
    } else {
      return steps;
    }
  }
}

/** `.0`: an index in the syntax of old templates. */
function legacyIndex(cursor: Cursor, token: Token): Expression {
  const text = cursor.textOf(token);
  if (!/^[0-9]+$/.test(text)) {
    cursor.fail(
      'Invalid legacy index syntax: chained indexes are not permitted here.',
      token.start,
      token.end,
      {
        hint: `Use brackets instead, like ${text
          .split('.')
          .map((part) => `[${part}]`)
          .join('')}.`,
      },
    );
  }
  return { type: 'number', span: cursor.spanOf(token), text };
}

function failAttributeName(cursor: Cursor, token: Token): never {
  cursor.fail('Invalid attribute name: a dot must be followed by an attribute name.', token.start, token.end);
}
