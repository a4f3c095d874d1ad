import { expect, test } from 'vitest';
import { formatHcl } from '../../../../src/template/packer-hcl/format/format.ts';

const formatted = (text: string): string => {
  const result = formatHcl('a.pkr.hcl', text);
  if (!result.ok) throw new Error(result.failures[0]?.message);
  return result.value;
};

test('aligns neighbouring arguments and comments', () => {
  expect(formatted('a {\nb=1#x\nccc = 2 //y\n# whole\nd=3\n}\n')).toBe(
    'a {\n  b   = 1 #x\n  ccc = 2 //y\n  # whole\n  d = 3\n}\n',
  );
});

test('columns count signs as a reader sees them, a comment before a name whole', () => {
  expect(formatted('a = "é" # x\nb = "e\u0301" # y\nc = "👨‍👩‍👧" # z\n')).toBe(
    'a = "é" # x\nb = "e\u0301" # y\nc = "👨‍👩‍👧" # z\n',
  );
  expect(formatted('/* one\ntwo */ a = 1\nb = 2\n')).toBe('/* one\ntwo */ a = 1\nb               = 2\n');
});

test('a value of several lines stands apart, a heredoc does not', () => {
  expect(formatted('a = 1\nbbb = [\n1\n]\ncc = 2\nd = <<EOT\n x\nEOT\neee = 3\n')).toBe(
    'a = 1\nbbb = [\n  1\n]\ncc  = 2\nd   = <<EOT\n x\nEOT\neee = 3\n',
  );
});

test.each([
  ['a=-1+-2*(3- 4)', 'a = -1 + -2 * (3 - 4)'],
  ['a={b:1,c=2}', 'a = { b : 1, c = 2 }'],
  ['a=[ ]', 'a = []'],
  ['a=[ for x in [1] :x if x==1 ]', 'a = [for x in [1] : x if x == 1]'],
  ['a = b . c [ 0 ] .d[*] . e', 'a = b.c[0].d[*].e'],
  ['a = "${ foo }-%{ if x }a%{ endif }"', 'a = "${foo}-%{if x}a%{endif}"'],
  ['a = upper( "x" , b ... )', 'a = upper("x", b...)'],
  ['a = ! b', 'a = !b'],
  ['nested   {   }', 'nested {}'],
  ['one { a =1 }', 'one { a = 1 }'],
])('%s', (text, expected) => expect(formatted(text)).toBe(expected));

test('keeps empty lines, line ends and a missing last one', () => {
  expect(formatted('a=1\r\n\r\n\r\nb=2')).toBe('a = 1\r\n\r\n\r\nb = 2');
});

test('says what is wrong instead of formatting it', () => {
  expect(formatHcl('a.pkr.hcl', 'a = \n')).toMatchObject({
    ok: false,
    failures: [{ reason: 'template-syntax' }],
  });
});
