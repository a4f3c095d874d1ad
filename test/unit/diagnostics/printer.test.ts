import stringWidth from 'string-width';
import fc from 'fast-check';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../src/diagnostics/failure.ts';
import { formatFailures } from '../../../src/diagnostics/printer.ts';

const YAML = 'name: web\nsteps:\n  - type: package\n    packges: [nginx]\n';

function print(failure: Partial<Failure>, text: string | undefined, width?: number): string {
  return formatFailures([{ reason: 'template-invalid', message: 'wrong', ...failure }], {
    cwd: '/project',
    readFile: () => text,
    ...(width === undefined ? {} : { width }),
  });
}

describe('formatFailures', () => {
  it('shows place, excerpt, squiggle, related places and help', () => {
    const text = print(
      {
        message: 'step kind package has no option "packges"',
        origin: { file: '/project/pipelines/web.yaml', line: 4, column: 5, endColumn: 12 },
        related: [
          { message: 'the step begins here', range: { file: 'pipelines/web.yaml', line: 3, column: 5 } },
        ],
        hint: 'did you mean "packages"?',
      },
      YAML,
    );
    expect(text).toBe(`error: step kind package has no option "packges"
  pipelines/web.yaml:4:5
  4 |     packges: [nginx]
    |     ~~~~~~~
  note: the step begins here
  pipelines/web.yaml:3:5
  3 |   - type: package
    |     ~
  help: did you mean "packages"?
`);
  });

  it('prints without an excerpt when the file or line is gone', () => {
    const origin = { file: '/elsewhere/a.yaml', line: 9, column: 1 };
    expect(print({ origin }, undefined)).toBe('error: wrong\n  /elsewhere/a.yaml:9:1\n');
    expect(print({ origin }, 'one line')).toBe('error: wrong\n  /elsewhere/a.yaml:9:1\n');
  });

  it('lines tabs and wide characters up', () => {
    const text = print({ origin: { file: 'a', line: 1, column: 5, endColumn: 8 } }, '\t日本=bad;');
    const [, , source, mark] = text.split('\n');
    expect(source).toBe('  1 |     日本=bad;');
    expect(mark).toBe('    |         ' + ' ~~~');
  });

  it('fills tabs up to the next stop', () => {
    const text = print({ origin: { file: 'a', line: 1, column: 4, endColumn: 5 } }, 'ab\tx');
    expect(text).toContain('  1 | ab  x\n    |     ~\n');
  });

  it('marks the end of a line with one character and a multi-line range on its first line', () => {
    expect(print({ origin: { file: 'a', line: 1, column: 4 } }, 'abc')).toContain('|    ~\n');
    const range = { file: 'a', line: 1, column: 4, endLine: 2, endColumn: 2 };
    expect(print({ origin: range }, 'a: {  \n}')).toContain('  1 | a: {\n    |    ~\n');
  });

  it('drops the BOM and CR, and disarms control characters', () => {
    const text = print(
      { origin: { file: 'a', line: 1, column: 1, endColumn: 3 } },
      '\uFEFFab\u001B[31mred\r\nx',
    );
    expect(text).toContain('  1 | ab·[31mred\n    | ~~\n');
  });

  it('cuts long lines around the mark', () => {
    const line = `${'a'.repeat(5000)}WRONG${'b'.repeat(5000)}`;
    const text = print({ origin: { file: 'a', line: 1, column: 5001, endColumn: 5006 } }, line, 80);
    const [, , source = '', mark = ''] = text.split('\n');
    expect(stringWidth(source)).toBeLessThanOrEqual(80);
    expect(source.slice(mark.indexOf('~'), mark.lastIndexOf('~') + 1)).toBe('WRONG');
    expect(source).toContain('…a');
    expect(source.endsWith('b…')).toBe(true);
  });

  it('says once what failed several nodes in the same words, but names each step that failed', () => {
    const failure: Failure = { reason: 'secret-missing', message: 'TOKEN is not set' };
    expect(formatFailures([failure, { ...failure }])).toBe('error: TOKEN is not set\n');
    const steps = ['a', 'b'].map((stepId) => ({ ...failure, stepId }));
    expect(formatFailures(steps).match(/error:/g)).toHaveLength(2);
  });

  it('indents further lines, shows step and output', () => {
    const text = print(
      { message: 'one\ntwo', stepId: 'web/setup', excerpt: ['E: no package'], hint: 'a\nb' },
      '',
    );
    expect(text).toBe('error: one\n    two\n  step: web/setup\n  | E: no package\n  help: a\n    b\n');
  });

  it('says the same with colour', () => {
    const failure: Failure = {
      reason: 'usage',
      message: 'm',
      hint: 'h',
      origin: { file: 'a', line: 1, column: 1 },
    };
    const plain = formatFailures([failure, failure], { readFile: () => 'text' });
    const colored = formatFailures([failure, failure], { readFile: () => 'text', color: true });
    expect(colored).not.toBe(plain);
    expect(stripVTControlCharacters(colored)).toBe(plain);
  });

  it('keeps every excerpt within the width and the mark under the text', () => {
    const char = fc.constantFrom('a', ' ', '\t', '日', '\u0301', '👩‍👩‍👧', '\u0007', 'é');
    fc.assert(
      fc.property(
        fc.string({ unit: char, maxLength: 200 }),
        fc.nat(220),
        fc.nat(220),
        fc.integer({ min: 40, max: 120 }),
        (line, at, length, width) => {
          const text = print(
            { origin: { file: 'a', line: 1, column: at + 1, endColumn: at + 1 + length } },
            line,
            width,
          );
          const [, , source = '', mark = ''] = text.split('\n');
          expect(stringWidth(source)).toBeLessThanOrEqual(width);
          expect(mark).toMatch(/^ +\| *~+$/);
          expect(stringWidth(mark)).toBeLessThanOrEqual(width + 1);
        },
      ),
    );
  });
});
