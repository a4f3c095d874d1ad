import { expect, test } from 'vitest';
import { insertBelow } from '../../../src/graph/insert-below.ts';
import { sliceNodes, type GraphNode, type PipelineGraph, type StackSlice } from '../../../src/model/graph.ts';
import { asNodeId } from '../../../src/model/ids.ts';

const id = (name: string) => asNodeId(`p/${name}`);
const stack = ['source', 'a', 'b', 'c'].map(id);
const step = (name: string, below: StackSlice): GraphNode & { role: 'step' } =>
  ({ id: id(name), name, role: 'step', effect: 'run', below }) as GraphNode & { role: 'step' };

const b = step('b', { stack, length: 2 });
const graph: PipelineGraph = {
  nodes: [
    { id: id('source'), name: 'source', role: 'source' } as GraphNode,
    step('a', { stack, length: 1 }),
    b,
    // Sees the source and b, not a.
    step('c', { stack, length: 3, only: [0, 2] }),
    { id: id('seal'), name: 'seal', role: 'seal', below: { stack, length: 4 } } as unknown as GraphNode,
  ],
  dependencies: new Map([
    [id('a'), [id('source')]],
    [id('b'), [id('a')]],
    [id('c'), [id('b')]],
    [id('seal'), [id('c')]],
  ]),
};

test('who sees the step sees the one below it as well, and nobody else does', () => {
  const grown = insertBelow(graph, { ...b, id: id('b0'), name: 'b0' }, b);
  const seen = Object.fromEntries(
    grown.nodes.flatMap((node) =>
      node.role === 'step' || node.role === 'seal'
        ? [[node.name, sliceNodes(node.below).map((one) => one.slice(2))]]
        : [],
    ),
  );
  expect(seen).toEqual({
    a: ['source'],
    b0: ['source', 'a'],
    b: ['source', 'a', 'b0'],
    c: ['source', 'b0', 'b'],
    seal: ['source', 'a', 'b0', 'b', 'c'],
  });
  expect(grown.nodes.map(({ name }) => name)).toEqual(['source', 'a', 'b0', 'b', 'c', 'seal']);
  expect([grown.dependencies.get(id('b0')), grown.dependencies.get(id('b'))]).toEqual([
    [id('a')],
    [id('b0')],
  ]);
});

test('a step that sees only some keeps seeing only those, and what lies below it now', () => {
  const some = step('c', { stack, length: 3, only: [0, 2] });
  const grown = insertBelow(graph, { ...some, id: id('c0'), name: 'c0' }, some);
  const below = (name: string) => {
    const node = grown.nodes.find((one) => one.name === name);
    return node?.role === 'step' ? sliceNodes(node.below) : [];
  };
  expect(below('c0')).toEqual([id('source'), id('b')]);
  expect(below('c')).toEqual([id('source'), id('b'), id('c0')]);
});

test('disks that hold the step may patch it in, others may not', () => {
  const disk = (name: string, nodes: readonly string[]) =>
    ({
      id: id(name),
      role: 'disk',
      stack: { stack: nodes.map(id), length: nodes.length },
      deltaCandidates: [id('c')],
    }) as unknown as GraphNode;
  const nodes = [...graph.nodes, disk('holds', ['source', 'b', 'c']), disk('not', ['source', 'c'])];
  const grown = insertBelow({ ...graph, nodes }, { ...b, id: id('b0'), name: 'b0' }, b);
  const candidates = grown.nodes.flatMap((node) => (node.role === 'disk' ? [node.deltaCandidates] : []));
  expect(candidates).toEqual([[id('c'), id('b')], [id('c')]]);
});

test('the graph that was given stays as it was', () => {
  const before = structuredClone(graph);
  insertBelow(graph, { ...b, id: id('b0'), name: 'b0' }, b);
  expect(graph).toEqual(before);
});
