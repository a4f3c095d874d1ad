import { expect, test } from 'vitest';
import { parseTemplateJson } from '../../../../src/template/packer-json/parse-json.ts';

const problem = (text: string): string => {
  const read = parseTemplateJson('t.json', Buffer.from(text));
  return read.ok ? 'none' : (read.failures[0]?.message ?? '');
};

// Seen on Packer 1.6.6.
test.each([
  ['', 'unexpected end of JSON input', 1, 0, 0],
  ['{"a":', 'unexpected end of JSON input', 1, 5, 5],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string", 1, 8, 8],
  ['{a:1}', "invalid character 'a' looking for beginning of object key string", 1, 2, 2],
  ['[1,]', "invalid character ']' looking for beginning of value", 1, 4, 4],
  ['[1 2]', "invalid character '2' after array element", 1, 4, 4],
  ['{"a" 1}', "invalid character '1' after object key", 1, 6, 6],
  ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`, 1, 8, 8],
  ['{"a":nul', "invalid character ' ' in literal null (expecting 'l')", 1, 8, 8],
  ['{"a":"x\ny"}', String.raw`invalid character '\n' in string literal`, 2, 1, 8],
  [String.raw`{"a":"\q"}`, "invalid character 'q' in string escape code", 1, 8, 8],
  [
    String.raw`{"a":"\u12x4"}`,
    String.raw`invalid character 'x' in \u hexadecimal character escape`,
    1,
    11,
    11,
  ],
  ['{"a":01}', "invalid character '1' after object key:value pair", 1, 7, 7],
  ['{"a":-}', "invalid character '}' in numeric literal", 1, 7, 7],
  ['{"a":1.}', "invalid character '}' after decimal point in numeric literal", 1, 8, 8],
  ['{"a":1e+}', "invalid character '}' in exponent of numeric literal", 1, 9, 9],
  ['{"a":\'b\'}', String.raw`invalid character '\'' looking for beginning of value`, 1, 6, 6],
  ['{} x', "invalid character 'x' after top-level value", 1, 4, 4],
  ['\n\n{"é": é}', "invalid character 'Ã' looking for beginning of value", 3, 9, 10],
])('%j', (text, message, line, column, offset) => {
  expect(problem(text)).toMatch(
    `Error parsing JSON: ${message}\nAt line ${line}, column ${column} (offset ${offset}):\n`,
  );
});

test('the line is shown up to the place, with the one before it', () => {
  expect(problem('{\n  "a": 1,\n  "b": tru\n}\n')).toBe(
    `Error parsing JSON: invalid character '\\n' in literal true (expecting 'e')\nAt line 4, column 1 (offset 23):\n    3:   "b": tru\n    4: \n      ^\n`,
  );
});

test('a text nested deeper than is read, and one that is right', () => {
  expect(problem('['.repeat(20_000))).toMatch(
    'Error parsing JSON: The nesting here is deeper than 250 levels.\nAt line 1, column 251 (offset 251):\n',
  );
  expect(problem('{"a": [1, -2.5e+3, {"b": "\\u00e9\\n"}, [], {}, true, false, null]}')).toBe('none');
});
