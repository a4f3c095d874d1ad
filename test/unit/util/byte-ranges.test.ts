import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignRanges, mergeRanges, subtractRanges, type ByteRange } from '../../../src/util/byte-ranges.ts';

const ranges = fc.array(
  fc.tuple(fc.nat(60), fc.nat(12)).map(([start, length]) => ({ start, end: start + length })),
  { maxLength: 8 },
);

const bytesOf = (list: readonly ByteRange[]): Set<number> =>
  new Set(list.flatMap(({ start, end }) => Array.from({ length: end - start }, (_, at) => start + at)));

function expectMerged(list: readonly ByteRange[]): void {
  for (const [at, { start, end }] of list.entries()) {
    expect(end).toBeGreaterThan(start);
    if (at > 0) expect(start).toBeGreaterThan(list[at - 1]?.end ?? 0);
  }
}

describe('byte ranges', () => {
  it('merge, subtract and align as sets of bytes do', () => {
    fc.assert(
      fc.property(ranges, ranges, fc.integer({ min: 1, max: 7 }), (left, right, step) => {
        const [a, b] = [mergeRanges(left), mergeRanges(right)];
        expectMerged(a);
        expect(bytesOf(a)).toEqual(bytesOf(left));
        const rest = subtractRanges(a, b);
        expectMerged(rest);
        const removed = bytesOf(right);
        expect([...bytesOf(rest)]).toEqual([...bytesOf(a)].filter((byte) => !removed.has(byte)));
        const aligned = alignRanges(a, step);
        expectMerged(aligned);
        const blocks = new Set([...bytesOf(a)].map((byte) => Math.floor(byte / step)));
        expect(new Set([...bytesOf(aligned)].map((byte) => Math.floor(byte / step)))).toEqual(blocks);
        expect(bytesOf(aligned).size).toBe(blocks.size * step);
      }),
    );
  });
});
