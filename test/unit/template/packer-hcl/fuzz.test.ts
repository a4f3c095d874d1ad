import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { runConsole } from '../../../../src/template/packer-hcl/console.ts';
import { formatHcl } from '../../../../src/template/packer-hcl/format/format.ts';
import { TEMPLATE_BLOCKS, parseJsonFile } from '../../../../src/template/packer-hcl/syntax/json-file.ts';
import { parseNativeFile } from '../../../../src/template/packer-hcl/syntax/parse-file.ts';

const FRAGMENTS = [
  'a',
  'b',
  'for',
  'in',
  'if',
  'var',
  'local',
  'null',
  'true',
  '1',
  '0.5',
  '"',
  '${',
  '%{',
  '~',
  '}',
  '{',
  '[',
  ']',
  '(',
  ')',
  '=',
  '=>',
  '...',
  '.',
  ',',
  ':',
  '?',
  '*',
  '+',
  '-',
  '/',
  '!',
  '&&',
  '<<EOT\n',
  '<<-EOT\n',
  '\nEOT\n',
  '\n',
  ' ',
  '#',
  '//',
  '/*',
  '*/',
  '\\',
  'endif',
  'endfor',
  'else',
  'upper(',
  'format("%d", ',
  'try(',
  'range(',
  '\r\n',
  'é',
  '😀',
  '\0',
];
const soup = fc.array(fc.constantFrom(...FRAGMENTS), { maxLength: 60 }).map((parts) => parts.join(''));
const runs = { numRuns: 1500 };

describe('no input crashes or hangs', () => {
  test('files of native syntax', () => {
    fc.assert(
      fc.property(soup, (text) => void parseNativeFile('a', text)),
      runs,
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void parseNativeFile('a', bytes)),
      runs,
    );
  });

  test('files of the JSON form', () => {
    const json = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        '"',
        ':',
        ',',
        '1',
        'null',
        '"locals"',
        '"a"',
        '"${',
        '\\u00e9',
        ' ',
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(json, (parts) => void parseJsonFile('a', parts.join(''), { blocks: TEMPLATE_BLOCKS })),
      runs,
    );
  });

  test('lines of the console', () => {
    const options = { packerVersion: '1.16.0', configType: 'hcl2' } as const;
    fc.assert(
      fc.property(soup, (text) =>
        [0, 1].includes(runConsole([text.replaceAll('\n', ' ')], options).exitCode),
      ),
      runs,
    );
  });

  test('every problem has a place', () => {
    fc.assert(
      fc.property(soup, (text) =>
        parseNativeFile('a', text).failures.every(
          ({ origin }) => origin !== undefined && origin.line > 0 && origin.column > 0,
        ),
      ),
      runs,
    );
  });

  test('every truncation of a template is read to its end', () => {
    const text =
      'source "a" "b" {\n  x = "${upper("a")}%{ for k, v in { a = [1, 2] } }${k}%{ endfor }"\n  y = <<-EOT\n    ${z[0].b}\n  EOT\n}\n';
    for (let end = 0; end < text.length; end += 1) parseNativeFile('a', text.slice(0, end));
    expect(parseNativeFile('a', text).failures).toEqual([]);
  });
});

describe('the formatter', () => {
  test('is idempotent and keeps what it formats valid', () => {
    fc.assert(
      fc.property(soup, (text) => {
        const once = formatHcl('a', text);
        if (!once.ok) return;
        const twice = formatHcl('a', once.value);
        expect(twice).toEqual(once);
      }),
      runs,
    );
  });
});
