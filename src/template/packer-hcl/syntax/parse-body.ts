import type { Attribute, Block, Body, BodyItem, Label } from './ast.ts';
import { type Cursor, SyntaxProblem } from './cursor.ts';
import { describeToken, failInvalid } from './expected.ts';
import { parseExpression } from './parse-expression.ts';
import { parseQuotedTemplate } from './parse-template.ts';
import { endOfItem } from './recover.ts';
import type { Token } from './token.ts';

/** Reads attributes and blocks up to `end`, going on after each item that has a problem. */
export function parseBody(cursor: Cursor, end: 'end' | '}'): Body {
  const start = cursor.offset;
  const items: BodyItem[] = [];
  const attributes = new Map<string, Attribute>();
  for (;;) {
    const token = cursor.peek();
    if (token.kind === 'newline') {
      cursor.next();
    } else if (token.kind === end || token.kind === 'end') {
      return { span: cursor.span(start, token.start), items };
    } else {
      const item = readItem(cursor, token);
      if (item !== undefined) items.push(item);
      if (item?.type === 'attribute') noteAttribute(cursor, attributes, item);
    }
  }
}

function readItem(cursor: Cursor, first: Token): BodyItem | undefined {
  try {
    const item = parseItem(cursor);
    expectEndOfItem(cursor, item);
    return item;
  } catch (error) {
    if (!(error instanceof SyntaxProblem) || error.fatal) throw error;
    cursor.add(error);
    cursor.moveTo(endOfItem(cursor.text, first.start, Math.max(error.at, first.start)));
    return undefined;
  }
}

function noteAttribute(cursor: Cursor, attributes: Map<string, Attribute>, item: Attribute): void {
  const earlier = attributes.get(item.name);
  if (earlier === undefined) {
    attributes.set(item.name, item);
    return;
  }
  const message = `Attribute redefined: the argument "${item.name}" was already set; each argument may be set only once.`;
  const related = [{ message: 'It was first set here.', range: earlier.nameSpan.range }];
  cursor.report(message, item.nameSpan.start, item.nameSpan.end, { related });
}

/** Reads one attribute or block, without the line break after it. */
function parseItem(cursor: Cursor): BodyItem {
  const name = cursor.next();
  if (name.kind !== 'identifier') failItemStart(cursor, name);
  const equals = cursor.take('=');
  if (equals === undefined) return cursor.nested(() => parseBlock(cursor, name));
  const value = parseExpression(cursor);
  return {
    type: 'attribute',
    span: cursor.span(name.start),
    name: cursor.textOf(name),
    nameSpan: cursor.spanOf(name),
    value,
  };
}

function failItemStart(cursor: Cursor, token: Token): never {
  failInvalid(cursor, token);
  if (token.kind === '"') {
    cursor.fail('Invalid argument name: argument names must not be quoted.', token.start, token.end);
  }
  if (token.kind === '}') {
    cursor.fail('Unexpected closing brace: no block is open here.', token.start, token.end);
  }
  return cursor.fail(
    `Argument or block definition required: An argument or block definition is required here. Found ${describeToken(cursor, token)}.`,
    token.start,
    token.end,
    {
      hint: 'Write NAME = VALUE to set an argument, or NAME "label" { … } for a block.',
    },
  );
}

function parseBlock(cursor: Cursor, name: Token): Block {
  const labels: Label[] = [];
  while (cursor.at('identifier') || cursor.at('"')) {
    if (labels.length > 100) cursor.fail('Too many block labels.', cursor.peek().start, cursor.peek().end);
    labels.push(readLabel(cursor));
  }
  const open = cursor.next();
  const blockName = cursor.textOf(name);
  if (open.kind !== '{') failBlockHeader(cursor, open, blockName, labels.length);
  const headerSpan = cursor.span(name.start, labels.at(-1)?.span.end ?? name.end);
  const body = readBlockBody(cursor, open);
  return {
    type: 'block',
    span: cursor.span(name.start),
    name: blockName,
    nameSpan: cursor.spanOf(name),
    labels,
    headerSpan,
    body,
  };
}

function readLabel(cursor: Cursor): Label {
  if (cursor.at('identifier')) {
    const token = cursor.next();
    return { span: cursor.spanOf(token), value: cursor.textOf(token) };
  }
  const label = parseQuotedTemplate(cursor);
  const text =
    label.type === 'template' && label.parts.every((part) => part.type === 'text') ? label.parts : undefined;
  if (text === undefined) {
    cursor.fail(
      'Invalid block label: template sequences are not allowed in a label.',
      label.span.start,
      label.span.end,
    );
  }
  return { span: label.span, value: text.map((part) => part.value).join('') };
}

function failBlockHeader(cursor: Cursor, found: Token, name: string, labels: number): never {
  failInvalid(cursor, found);
  if (found.kind === '=') {
    cursor.fail(
      'Invalid block definition: the equals sign "=" indicates an argument definition, and must not be used when defining a block.',
      found.start,
      found.end,
    );
  }
  if (labels === 0) {
    cursor.fail(
      `Invalid block definition: An argument or block definition is required here. Expected an equals sign or an opening brace after "${name}", but found ${describeToken(cursor, found)}.`,
      found.start,
      found.end,
      {
        hint: `Write ${name} = VALUE to set an argument, or ${name} { … } for a block.`,
      },
    );
  }
  return cursor.fail(
    `Invalid block definition: expected an opening brace ("{") to begin the block, but found ${describeToken(cursor, found)}.`,
    found.start,
    found.end,
  );
}

function readBlockBody(cursor: Cursor, open: Token): Body {
  const newline = cursor.at('newline');
  if (!newline && !cursor.at('}')) return readSingleLineBody(cursor, open);
  const body = parseBody(cursor, '}');
  if (cursor.take('}') === undefined) {
    cursor.fail(
      'Unclosed configuration block: there is no closing brace for this block before the end of the file.',
      open.start,
      open.end,
      {
        fatal: true,
        hint: 'This may be caused by incorrect brace nesting elsewhere in this file.',
      },
    );
  }
  return body;
}

/** `name { a = 1 }`: one attribute at most. */
function readSingleLineBody(cursor: Cursor, open: Token): Body {
  const start = cursor.offset;
  const item = parseItem(cursor);
  if (item.type === 'block') {
    cursor.fail(
      'Invalid single-argument block definition: a single-line block may not hold another block.',
      item.span.start,
      item.span.end,
    );
  }
  const body = { span: cursor.span(start), items: [item] };
  const close = cursor.next();
  if (close.kind !== '}') {
    cursor.fail(
      'Invalid single-argument block definition: the closing brace must stand on the same line, after one argument.',
      open.start,
      open.end,
      {
        hint: 'Put each argument of a longer block on a line of its own.',
      },
    );
  }
  return body;
}

function expectEndOfItem(cursor: Cursor, item: BodyItem): void {
  const token = cursor.peek();
  if (token.kind === 'newline' || token.kind === 'end') return;
  failInvalid(cursor, token);
  const what = item.type === 'block' ? 'block definition' : 'argument';
  cursor.fail(
    `Missing newline after ${what}: expected the end of the line, but found ${describeToken(cursor, token)}.`,
    token.start,
    token.end,
    {
      hint: 'End it with a line break.',
    },
  );
}
