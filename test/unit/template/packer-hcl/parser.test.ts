import { describe, expect, test } from 'vitest';
import type { Attribute, Block, Expression } from '../../../../src/template/packer-hcl/syntax/ast.ts';
import { TEMPLATE_BLOCKS, parseJsonFile } from '../../../../src/template/packer-hcl/syntax/json-file.ts';
import {
  parseExpressionText,
  parseNativeFile,
} from '../../../../src/template/packer-hcl/syntax/parse-file.ts';
import { SourceText } from '../../../../src/template/packer-hcl/syntax/source-text.ts';

function attribute(text: string): Attribute {
  const { file, failures } = parseNativeFile('a.pkr.hcl', text);
  expect(failures).toEqual([]);
  return file?.body.items[0] as Attribute;
}

function expression(text: string): Expression {
  const parsed = parseExpressionText(new SourceText('a', text));
  if (!parsed.ok) throw new Error(parsed.failures.map(({ message }) => message).join());
  return parsed.value;
}

/** An expression as nested lists, to see how operators bind. */
function shape(node: Expression): unknown {
  if (node.type === 'binary') return [node.operator, shape(node.left), shape(node.right)];
  if (node.type === 'unary') return [node.operator, shape(node.operand)];
  if (node.type === 'conditional')
    return ['?', shape(node.condition), shape(node.whenTrue), shape(node.otherwise)];
  if (node.type === 'parentheses') return shape(node.inner);
  return node.span.text;
}

const problems = (text: string): string[] =>
  parseNativeFile('a.pkr.hcl', text).failures.map(
    ({ origin, message }) => `${origin?.line}:${origin?.column} ${message.split(':')[0]}`,
  );

describe('positions', () => {
  test('a block, its labels and its attributes know their ranges', () => {
    const { file } = parseNativeFile('a.pkr.hcl', '# x\nsource "null" web {\n  a = "é${b}"\n}\n');
    const block = file?.body.items[0] as Block;
    expect(block.span.range).toEqual({ file: 'a.pkr.hcl', line: 2, column: 1, endLine: 4, endColumn: 2 });
    expect(block.labels.map(({ value }) => value)).toEqual(['null', 'web']);
    expect(block.labels[1]?.span.range).toMatchObject({ line: 2, column: 15, endColumn: 18 });
    const inner = block.body.items[0] as Attribute;
    expect(inner.value.span.range).toMatchObject({ line: 3, column: 7, endLine: 3, endColumn: 14 });
    const template = inner.value;
    if (template.type !== 'template' || template.parts[1]?.type !== 'interpolation')
      throw new Error('no template');
    expect(template.parts[1].value.span.range).toMatchObject({ line: 3, column: 11, endColumn: 12 });
  });

  test('a heredoc spans from its introduction to its marker', () => {
    expect(attribute('a = <<-EOT\n  x\n  EOT\nb = 1\n').value.span.range).toMatchObject({
      line: 1,
      column: 5,
      endLine: 3,
      endColumn: 6,
    });
  });

  test('CRLF and a byte order mark do not move anything', () => {
    const { file, failures } = parseNativeFile('a', Buffer.from('\uFEFFa = 1\r\nb = [\r\n2]\r\n'));
    expect(failures).toEqual([]);
    expect(file?.body.items[1]?.span.range).toMatchObject({ line: 2, column: 1, endLine: 3, endColumn: 3 });
  });

  test('templates inside JSON strings point into the JSON file', () => {
    const { file } = parseJsonFile('a.pkr.json', '{"locals": {"a": "\\n${upper(b)}"}}', {
      blocks: TEMPLATE_BLOCKS,
    });
    const value = ((file!.body.items[0] as Block).body.items[0] as Attribute).value;
    if (value.type !== 'template' || value.parts[1]?.type !== 'interpolation') throw new Error('no template');
    expect(value.parts[1].value.span.range).toMatchObject({ line: 1, column: 23, endColumn: 31 });
  });
});

describe('expressions', () => {
  test.each([
    ['1 + 2 * 3', ['+', '1', ['*', '2', '3']]],
    ['1 - 2 - 3', ['-', ['-', '1', '2'], '3']],
    ['a || b && c == d', ['||', 'a', ['&&', 'b', ['==', 'c', 'd']]]],
    ['!a && -b < c', ['&&', ['!', 'a'], ['<', ['-', 'b'], 'c']]],
    ['a ? b : c ? d : e', ['?', 'a', 'b', ['?', 'c', 'd', 'e']]],
    ['(1 + 2) * 3', ['*', ['+', '1', '2'], '3']],
  ])('%s', (text, expected) => expect(shape(expression(text))).toEqual(expected));

  test.each([
    ['a.b[0].c', 'attribute-access'],
    ['a.0', 'index'],
    ['a.*.b', 'splat'],
    ['a[*].b[0]', 'splat'],
    ['[for x in y : x if x != 1]', 'for-expression'],
    ['{for k, v in y : k => v...}', 'for-expression'],
    ['f(a, b...)', 'call'],
    ['{a = 1, "b": 2, (c) = 3}', 'object'],
    ['"${a}"', 'template-wrap'],
    ['"a%{ if b }c%{ endif }"', 'template'],
    ['null', 'keyword'],
    ['{ for = 1 }', 'object'],
  ])('%s is a %s', (text, type) => expect(expression(text).type).toBe(type));
});

describe('problems', () => {
  test('several of one file come together, and the rest is read', () => {
    const text = 'a = \nb = 1\nsource "x" "y" {\n  c = 1 +\n  d = 2\n}\nbad!\ne = \'x\'\n';
    expect(problems(text)).toEqual([
      '1:5 Invalid expression',
      '4:10 Invalid expression',
      '7:4 Invalid block definition',
      '8:5 Invalid character',
    ]);
    const items = parseNativeFile('a', text).file?.body.items ?? [];
    expect(items.map(({ name }) => name)).toEqual(['b', 'source']);
  });

  test.each([
    ['a = [1\n', '2:1 Unclosed tuple'],
    ['a = "x\nb = 1\n', '1:5 Invalid multi-line string'],
    ['a {\n b = 1\n', '1:3 Unclosed configuration block'],
    ['a = <<EOT\nx\n', '1:5 Unterminated heredoc'],
    ['a = 1\na = 2\n', '2:1 Attribute redefined'],
    ['a = 1 b = 2\n', '1:7 Missing newline after argument'],
    ['a = f(1 2)\n', '1:9 Missing argument separator'],
    ['a = b ? c\n', '1:10 Missing false expression in conditional'],
    ['a = 1 & 2\n', '1:7 Unsupported operator'],
    ['a = {b.c = 1}\n', '1:6 Ambiguous attribute key'],
    ['a = "%{ if x }"\n', '1:6 The if directive is missing its endif directive.'],
    ['a = "\\q"\n', '1:6 Invalid escape sequence'],
    ['a = /* x\n', '1:5 Unterminated comment'],
    ['a = x.0.1\n', '1:7 Invalid legacy index syntax'],
    ['a { b = 1\n c = 2 }\n', '1:3 Invalid single-argument block definition'],
    ['}\n', '1:1 Unexpected closing brace'],
  ])('%j', (text, expected) => expect(problems(text)[0]).toBe(expected));

  test('bytes that are not UTF-8 have a place', () => {
    const { failures } = parseNativeFile('a', Buffer.from([0x61, 0x20, 0x3d, 0x0a, 0xc3, 0xa9, 0xff, 0x0a]));
    expect(failures[0]?.origin).toMatchObject({ line: 2, column: 2 });
  });

  test.each(['(', '[', '{a=', '"${', 'f(', '!', '-', 'x ? 1 : ', '1+'])(
    '10,000 times %s is refused, not crashed on',
    (part) => {
      const { failures } = parseNativeFile('a', `a = ${part.repeat(10_000)}1`);
      expect(failures[0]?.message).toMatch(/deeper than 250 levels/);
    },
  );

  test('10,000 nested blocks are refused', () => {
    expect(problems('a {\n'.repeat(10_000))[0]).toMatch(/deeper than 250/);
  });

  test('no more than fifty problems are reported', () => {
    expect(problems('a = \n'.repeat(1000)).length).toBe(50);
  });

  test('a heredoc of many megabytes is read', () => {
    const { failures } = parseNativeFile('a', `a = <<EOT\n${'0123456789\n'.repeat(200_000)}EOT\n`);
    expect(failures).toEqual([]);
  });
});
