import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keyOf, type KeyInputs } from '../../../src/cache/key-inputs.ts';
import { asDigest, asNodeId, type NodeId } from '../../../src/model/ids.ts';
import { viewDigest, ViewDigests } from '../../../src/plan/view-digest.ts';

const inputs = fc.record<KeyInputs>({
  kind: fc.string(),
  keyVersion: fc.nat(),
  options: fc.dictionary(fc.string(), fc.jsonValue()),
  inputs: fc.option(fc.dictionary(fc.string(), fc.string()), { nil: undefined }),
  sourceDateEpoch: fc.nat(),
  below: fc.option(fc.string(), { nil: undefined }),
});

/** The same value with its fields in another order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, shuffled(item)]),
  );
}

test('the order of fields has no meaning', () => {
  fc.assert(fc.property(inputs, (value) => keyOf(shuffled(value) as KeyInputs) === keyOf(value)));
});

test('a field left out and a field set to undefined are one', () => {
  fc.assert(fc.property(inputs, (value) => keyOf({ ...value, secrets: undefined }) === keyOf(value)));
});

test('different inputs have different keys', () => {
  fc.assert(
    fc.property(inputs, inputs, (a, b) => {
      const same = JSON.stringify(shuffled(shuffled(a))) === JSON.stringify(shuffled(shuffled(b)));
      fc.pre(!same);
      // Objects that differ only in order were ruled out above by value; what is left differs.
      if (keyOf(a) === keyOf(b)) expect(shuffled(a)).toEqual(shuffled(b));
    }),
  );
});

test('lists keep their order: the order of layers has meaning', () => {
  const [a, b] = [asDigest('sha256:a'), asDigest('sha256:b')];
  expect(viewDigest([a, b])).not.toBe(viewDigest([b, a]));
  expect(viewDigest([a])).not.toBe(viewDigest([a, a]));
});

test('slices of a shared stack digest as their list of layers does', () => {
  const layers = fc.array(fc.string(), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(layers, fc.nat(12), fc.array(fc.nat(11)), (names, length, picks) => {
      const stack = names.map((_, at) => asNodeId(`p/${at}`));
      const digestOf = (node: NodeId) => asDigest(names[stack.indexOf(node)] ?? '');
      const digests = new ViewDigests(digestOf);
      const cut = Math.min(length, stack.length);
      expect(digests.of({ stack, length: cut })).toBe(viewDigest(stack.slice(0, cut).map(digestOf)));
      expect(digests.of({ stack, length: stack.length })).toBe(viewDigest(stack.map(digestOf)));
      const only = [...new Set(picks.filter((at) => at < stack.length))].toSorted((a, b) => a - b);
      const picked = only.flatMap((at) => stack[at] ?? []);
      expect(digests.of({ stack, length: stack.length, only })).toBe(viewDigest(picked.map(digestOf)));
    }),
  );
});
