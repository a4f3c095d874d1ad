import { describe, expect, it } from 'vitest';
import { builtinKinds } from '../../../src/builtins.ts';

const kinds = builtinKinds.exports.all;

/** Kinds that write no file of a format of their own into the output folder: what a machine or Packer's builder leaves. */
const ELSEWHERE = new Set(['docker-commit', 'docker-discard', 'docker-export', 'file', 'none', 'qemu-disk']);
const formats = kinds.filter((kind) => !ELSEWHERE.has(kind.type));

describe('kinds of exports', () => {
  it.each(kinds)('$type takes its good examples and refuses its bad ones', (kind) => {
    for (const { options } of kind.examples.good) expect(kind.schema.safeParse(options).success).toBe(true);
    for (const { options, error } of kind.examples.bad) {
      const issues = kind.schema.safeParse(options).error?.issues ?? [];
      expect(issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('\n')).toContain(error);
    }
  });

  it.each(formats)('$type is read back by a program that we did not write', (kind) => {
    expect(kind.readBackBy?.length).toBeGreaterThan(0);
  });

  it('never give two files of one pipeline the same name', () => {
    // Without names of their own, files of one pipeline differ by their ending alone.
    const endings = formats.map((kind) => {
      const options = kind.examples.good.map((example) => kind.schema.parse(example.options));
      return new Set(options.map((parsed) => kind.extension(parsed)));
    });
    const all = endings.flatMap((set) => [...set]);
    expect(all).toEqual([...new Set(all)]);
  });
});
