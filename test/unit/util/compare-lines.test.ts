import fc from 'fast-check';
import { expect, test } from 'vitest';
import { changedLines, compareLines, compareUpTo } from '../../../src/util/compare-lines.ts';

const text = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });

test('edits and places turn one text into the other', () => {
  fc.assert(
    fc.property(text, text, (before, after) => {
      const edits = compareLines(before, after);
      const side = (sign: string) => edits.filter((edit) => edit.sign !== sign).map(({ line }) => line);
      expect([side('+'), side('-')]).toEqual([before, after]);
      const patched = [...before];
      for (const place of changedLines(edits)) {
        const lines = after.slice(place.after.start - 1, place.after.start - 1 + place.after.count);
        patched.splice(place.after.start - 1, place.before.count, ...lines);
      }
      expect(patched).toEqual(after);
    }),
  );
});

test('places are as few as can be', () => {
  expect(changedLines(compareLines(['a', 'b', 'c', 'd'], ['a', 'x', 'y', 'd']))).toEqual([
    { before: { start: 2, count: 2 }, after: { start: 2, count: 2 } },
  ]);
});

test('gives up above a number of differences', () => {
  expect(compareUpTo(['a', 'b'], ['c', 'd'], 3)).toBeUndefined();
  expect(compareUpTo(['a', 'b'], ['a', 'd'], 3)).toHaveLength(3);
});
