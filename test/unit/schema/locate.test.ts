import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration, parseSize } from '../../../src/schema/fields.ts';
import { lazyRange, locateOption, originOfOption } from '../../../src/schema/locator.ts';
import { formatPath, parsePath, valueAt, type PropertyPath } from '../../../src/schema/property-path.ts';
import { parseJson, parseYaml } from '../../../src/schema/yaml-file.ts';

/** A range computed for tests that says which path was asked for. */
const asked = (path: PropertyPath, part = 'value') => ({
  file: `${formatPath(path)} ${part}`,
  line: 2,
  column: 3 + path.length,
});

describe('paths', () => {
  it.each([
    ['source', ['source']],
    ['scripts[2]', ['scripts', 2]],
    ['files[0].source', ['files', 0, 'source']],
    ['env["A B"][1]', ['env', 'A B', 1]],
    ['', []],
  ])('%j', (text, path) => {
    expect(parsePath(text)).toEqual(path);
    expect(formatPath(path)).toBe(text);
  });

  it('read what they write', () => {
    const part = fc.oneof(
      fc.nat(99),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('a', 'b-c', '$x', 'ä', '', '[0]', 'a.b'),
    );
    fc.assert(
      fc.property(fc.array(part), (path) => {
        expect(parsePath(formatPath(path))).toEqual(path);
      }),
    );
  });

  it('follow own properties only', () => {
    expect(valueAt({ a: [{ b: 1 }] }, ['a', 0, 'b'])).toBe(1);
    expect(valueAt({}, ['constructor'])).toBeUndefined();
    expect(valueAt('text', ['length'])).toBeUndefined();
  });
});

describe('lazyRange', () => {
  it('is computed once, when looked at, and survives copies and JSON', () => {
    let count = 0;
    const range = lazyRange(() => ({ file: 'a', line: ++count, column: 1 }));
    expect(count).toBe(0);
    expect({ ...range }).toEqual({ file: 'a', line: 1, column: 1, endLine: undefined, endColumn: undefined });
    expect(JSON.parse(JSON.stringify(range))).toEqual({ file: 'a', line: 1, column: 1 });
    expect(structuredClone(range)).toMatchObject({ line: 1 });
    expect(count).toBe(1);
  });

  it('leads to the places of options, through copies of what holds it', () => {
    const use = { origin: lazyRange(() => asked([]), asked), type: 'x' };
    expect(locateOption({ ...use }, 'scripts[2]').file).toBe('scripts[2] value');
    expect(locateOption(use, 'a', 'key').file).toBe('a key');
    const part = { origin: originOfOption(use, 'scripts[1]') };
    expect(part.origin.file).toBe('scripts[1] value');
    expect(locateOption(part, 'env').file).toBe('env value');
    const plain = { origin: { file: 'f', line: 1, column: 1 } };
    expect(locateOption(plain, 'x')).toBe(plain.origin);
  });
});

describe('places in YAML and JSON', () => {
  const TEXT = `base: &base { mode: one, list: [1, 2] }
steps:
  - type: a
    <<: *base
  - *base
  - "q": |
      text
    ? complex
    : value
`;

  it.each([
    [['base', 'list', 1], 'value', '1:36'],
    [['base', 'list'], 'key', '1:26'],
    [['steps', 0, 'type'], 'value', '3:11'],
    // Merged and repeated values stand where they were written.
    [['steps', 0, 'mode'], 'value', '1:21'],
    [['steps', 1, 'mode'], 'key', '1:15'],
    [['steps', 2, 'q'], 'value', '6:10'],
    [['steps', 2, 'complex'], 'value', '9:7'],
    // What is not there: the innermost thing that is.
    [['steps', 0, 'none'], 'key', '3:5'],
    [['steps', 9], 'value', '3:3'],
    [['none', 'x'], 'value', '1:1'],
  ] as const)('%j %s', async (path, part, place) => {
    const parsed = await parseYaml('f', TEXT, 'template-syntax');
    if (!parsed.ok) throw new Error('not parsed');
    const { line, column } = parsed.value.locate(path, part);
    expect(`${line}:${column}`).toBe(place);
  });

  it('every scalar of any JSON is found where it stands', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(3), (source, indent) => {
        const text = JSON.stringify(JSON.parse(source), undefined, indent);
        const parsed = parseJson('f', text, 'template-syntax');
        if (!parsed.ok) throw new Error('not parsed');
        const lines = text.split('\n');
        for (const [path, value] of scalars(parsed.value.value)) {
          const { line, column, endColumn } = parsed.value.locate(path);
          expect(lines[line - 1]?.slice(column - 1, (endColumn ?? 0) - 1)).toBe(JSON.stringify(value));
        }
      }),
      { numRuns: 200, examples: [['{"<<":""}', 0]] },
    );
  });

  it('a mistake in JSON is found in every beginning of a text', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 3 }), fc.nat(), (source, cut) => {
        const at = cut % (source.length + 1);
        const text = `${source.slice(0, at)}\u0001${source.slice(at)}`;
        const parsed = parseJson('f', text, 'template-syntax');
        expect(parsed.ok).toBe(false);
        if (!parsed.ok) expect(parsed.failures[0]?.origin).toMatchObject({ line: 1, column: at + 1 });
      }),
      { numRuns: 300 },
    );
  });
});

function* scalars(value: unknown, path: PropertyPath = []): Generator<[PropertyPath, unknown]> {
  if (typeof value !== 'object' || value === null) yield [path, value];
  else {
    for (const [key, item] of Object.entries(value))
      yield* scalars(item, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}

describe('sizes and time spans', () => {
  it.each([
    ['0', 0],
    ['512', 512],
    ['20GB', 20e9],
    ['1.5 kB', 1500],
    ['2GiB', 2 ** 31],
    ['2g', 2 ** 31],
    ['lots', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['5XB', undefined],
  ])('size %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    ['250ms', 250],
    ['30d', 2_592_000_000],
    ['10', undefined],
    ['m', undefined],
    ['1x', undefined],
  ])('duration %s', (text, milliseconds) => expect(parseDuration(text)).toBe(milliseconds));
});
