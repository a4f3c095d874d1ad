import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredItem } from '../../../src/cache/inventory.ts';
import { choosePrunable } from '../../../src/cache/prune.ts';

const item = (id: string, size: number, usedAt: number): StoredItem => ({ type: 'layer', id, size, usedAt, nodes: [], path: id });
const ids = (items: readonly StoredItem[]): string[] => items.map((one) => one.id);
const ITEMS = [item('new', 10, 300), item('old', 20, 100), item('mid', 30, 200)];

test('without a bound nothing goes', () => {
  expect(choosePrunable(ITEMS, {}, new Set(), 1000, 0)).toEqual([]);
});

test('a size cap deletes the oldest until the rest fits', () => {
  expect(ids(choosePrunable(ITEMS, { maxSize: 40 }, new Set(), 1000, 0))).toEqual(['old']);
  expect(ids(choosePrunable(ITEMS, { maxSize: 39 }, new Set(), 1000, 0))).toEqual(['old', 'mid']);
});

test('age and free space', () => {
  expect(ids(choosePrunable(ITEMS, { maxAgeMs: 750 }, new Set(), 1000, 0))).toEqual(['old', 'mid']);
  expect(ids(choosePrunable(ITEMS, { minFree: 15 }, new Set(), 1000, 10))).toEqual(['old']);
});

test('what a living run uses stays, even with --all', () => {
  expect(ids(choosePrunable(ITEMS, { all: true }, new Set(['old']), 1000, 0))).toEqual(['mid', 'new']);
});

test('after pruning the cap holds unless leases prevent it', () => {
  const items = fc.uniqueArray(fc.record({ id: fc.string(), size: fc.nat(100), usedAt: fc.nat(100) }), { selector: (one) => one.id });
  fc.assert(
    fc.property(items, fc.nat(2000), fc.array(fc.string()), (list, maxSize, leases) => {
      const all = list.map((one) => item(one.id, one.size, one.usedAt));
      const leased = new Set(leases);
      const gone = new Set(ids(choosePrunable(all, { maxSize }, leased, 0, 0)));
      const kept = all.filter((one) => !gone.has(one.id));
      const size = kept.reduce((sum, one) => sum + one.size, 0);
      expect(size <= maxSize || kept.every((one) => leased.has(one.id))).toBe(true);
      expect([...gone].some((id) => leased.has(id))).toBe(false);
    }),
  );
});
