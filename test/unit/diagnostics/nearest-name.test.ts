import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName, suggestName } from '../../../src/diagnostics/nearest-name.ts';

describe('nearestName', () => {
  const kinds = ['package', 'file', 'shell', 'user', 'group', 'service', 'hostname', 'kernel-args'];

  it.each([
    ['pakcage', 'package'],
    ['packages', 'package'],
    ['Shell', 'shell'],
    ['shel', 'shell'],
    ['kernel_args', 'kernel-args'],
    ['usr', 'user'],
    ['hostnmae', 'hostname'],
  ])('%s means %s', (word, meant) => {
    expect(nearestName(word, kinds)).toBe(meant);
  });

  it.each(['ansible', 'x', '', 'qqqqqqq'])('nothing is near %j', (word) => {
    expect(nearestName(word, kinds)).toBeUndefined();
  });

  it('prefers the closest, then the first', () => {
    expect(nearestName('cat', ['bat', 'cart', 'cat'])).toBe('cat');
    expect(nearestName('cab', ['cat', 'car'])).toBe('cat');
  });

  it('lists the names when none is near', () => {
    expect(suggestName('shel', kinds, 'kinds')).toBe('did you mean "shell"?');
    expect(suggestName('zzz', ['a1', 'b2'], 'kinds')).toBe('kinds: a1, b2');
    expect(suggestName('zzz', [], 'kinds')).toBeUndefined();
  });
});

describe('editDistance', () => {
  it('counts swaps as one', () => {
    expect(editDistance('ab', 'ba')).toBe(1);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', 'c') });

  it('is symmetric, zero for equals, and bounded by the longer word', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
      }),
    );
  });

  it('a limit never changes an answer within it', () => {
    fc.assert(
      fc.property(word, word, fc.nat(8), (a, b, limit) => {
        const distance = editDistance(a, b);
        const limited = editDistance(a, b, limit);
        if (distance <= limit) expect(limited).toBe(distance);
        else expect(limited).toBeGreaterThan(limit);
      }),
    );
  });
});
