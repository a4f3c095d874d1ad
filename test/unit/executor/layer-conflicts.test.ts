import { expect, test } from 'vitest';
import { findConflicts } from '../../../src/executor/layer-conflicts.ts';
import { ManifestIndex } from '../../../src/layers/manifest-index.ts';
import { formatManifest } from '../../../src/layers/manifest.ts';
import type { GraphNode } from '../../../src/model/graph.ts';
import { asNodeId } from '../../../src/model/ids.ts';

const attributes = { mode: 0o755, uid: 0, gid: 0, mtime: 0, xattrs: [] };

/** A layer with folders `/etc` and the given files. */
const layer = (...files: string[]): ManifestIndex =>
  new ManifestIndex(
    formatManifest([
      { path: '/', type: 'directory', opaque: false, ...attributes },
      { path: '/etc', type: 'directory', opaque: false, ...attributes },
      ...files.toSorted().map((path) => ({ path, type: 'symlink', target: 'x', ...attributes }) as const),
    ]),
  );

const IDS = ['source', 'a', 'b'].map((name) => asNodeId(`p/${name}`));

function conflicts(options: {
  only?: number[];
  effect?: 'run' | 'write';
  a: ManifestIndex;
  b: ManifestIndex;
}) {
  const step = (at: number, effect: string, only?: number[]): GraphNode =>
    ({
      role: 'step',
      id: IDS[at],
      name: ['source', 'a', 'b'][at],
      effect,
      below: { stack: IDS, length: at, only },
      origin: { file: 'p.yaml', line: at, column: 1 },
    }) as unknown as GraphNode;
  const nodes = new Map([
    [asNodeId('p/a'), step(1, 'run', [0])],
    [asNodeId('p/b'), step(2, options.effect ?? 'run', options.only)],
  ]);
  const manifests = new Map([
    [IDS[1], options.a],
    [IDS[2], options.b],
  ]);
  return findConflicts({ stack: IDS, length: 3 }, nodes, (id) => manifests.get(id) ?? layer());
}

test('steps that do not see each other and write one path', () => {
  expect(conflicts({ only: [0], a: layer('/etc/x', '/etc/y'), b: layer('/etc/y') })).toMatchObject([
    {
      reason: 'layer-conflict',
      message: 'a and b do not see each other, and both change /etc/y',
      origin: { line: 2 },
      related: [{ range: { line: 1 } }],
    },
  ]);
});

test('shared folders are no conflict', () => {
  expect(conflicts({ only: [0], a: layer('/etc/x'), b: layer('/etc/y') })).toEqual([]);
});

test('a step that sees the other may overwrite it', () => {
  expect(conflicts({ only: [0, 1], a: layer('/etc/x'), b: layer('/etc/x') })).toEqual([]);
  expect(conflicts({ a: layer('/etc/x'), b: layer('/etc/x') })).toEqual([]);
});

test('a write-only step is meant to win', () => {
  expect(conflicts({ only: [0], effect: 'write', a: layer('/etc/x'), b: layer('/etc/x') })).toEqual([]);
});
