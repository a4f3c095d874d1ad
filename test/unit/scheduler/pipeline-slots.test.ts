import { expect, test } from 'vitest';
import type { GraphNode } from '../../../src/model/graph.ts';
import { PipelineSlots } from '../../../src/scheduler/pipeline-slots.ts';

const node = (id: string): GraphNode => ({ pipeline: { id } }) as GraphNode;

test('with one at a time, pipelines run in their order', () => {
  const [a, b] = [node('a'), node('b')];
  const slots = new PipelineSlots(1, [a, a, b]);
  expect([slots.has(a), slots.has(b)]).toEqual([true, false]);
  slots.leave(a);
  expect(slots.has(b)).toBe(false);
  slots.leave(a);
  expect(slots.has(b)).toBe(true);
});

test('a pipeline that ends lets the next one in', () => {
  const [a, b, c] = [node('a'), node('b'), node('c')];
  const slots = new PipelineSlots(2, [a, b, c]);
  expect([slots.has(a), slots.has(b), slots.has(c)]).toEqual([true, true, false]);
  slots.leave(b);
  expect(slots.has(c)).toBe(true);
});

test('without a bound all may run', () => {
  expect(new PipelineSlots(0, [node('a')]).has(node('b'))).toBe(true);
});
