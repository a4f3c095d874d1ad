import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatFailures } from '../../../src/diagnostics/printer.ts';
import { buildGraph } from '../../../src/graph/build-graph.ts';
import { sliceNodes, type GraphNode, type PipelineGraph } from '../../../src/model/graph.ts';
import type { Pipeline, StepSpec, Template } from '../../../src/model/pipeline.ts';
import { fixtureKinds } from '../../rigs/fixture-kinds.ts';

const origin = { file: 'web.yaml', line: 1, column: 1 };

interface Written {
  readonly name: string;
  readonly type?: 'shell' | 'file';
  readonly needs?: readonly string[];
  readonly scripts?: readonly string[];
}

const step = ({ name, type = 'shell', needs, scripts }: Written): StepSpec => ({
  type,
  name,
  options:
    type === 'shell'
      ? { secrets: [], ...(scripts === undefined ? {} : { scripts }) }
      : { path: `/${name}`, content: 'x' },
  origin,
  ...(needs === undefined ? {} : { needs }),
  run: { retries: 0, continueOnError: false },
});

const pipeline = (id: string, steps: readonly Written[], more: Partial<Pipeline> = {}): Pipeline => ({
  id,
  name: id.replace(/\[.*/, ''),
  matrix: {},
  architecture: 'amd64',
  sourceDateEpoch: 0,
  source: { type: 'bootstrap', options: { suite: 'bookworm' }, origin },
  steps: steps.map(step),
  disk: { size: 'fit', free: 0, espSize: 0, firmware: 'both', kernelArgs: [], origin },
  exports: [],
  checks: [],
  directory: '/p',
  origin,
  ...more,
});

const from = (name: string, variant?: Record<string, string>): Partial<Pipeline> => ({
  source: { type: 'pipeline', options: { name, ...(variant === undefined ? {} : { variant }) }, origin },
});

const template = (...pipelines: Pipeline[]): Template => ({ pipelines, secrets: [] });

function built(...pipelines: Pipeline[]): PipelineGraph {
  const graph = buildGraph(template(...pipelines), fixtureKinds);
  if (!graph.ok) throw new Error(formatFailures(graph.failures));
  return graph.value;
}

const messages = (...pipelines: Pipeline[]): readonly string[] => {
  const graph = buildGraph(template(...pipelines), fixtureKinds);
  return graph.ok ? [] : graph.failures.map((failure) => failure.message);
};

function node<Role extends GraphNode['role']>(graph: PipelineGraph, id: string, role: Role) {
  const found = graph.nodes.find((each) => each.id === id);
  if (found?.role !== role) throw new Error(`no ${role} ${id}`);
  return found as Extract<GraphNode, { role: Role }>;
}

const below = (graph: PipelineGraph, id: string) => sliceNodes(node(graph, id, 'step').below);
const waits = (graph: PipelineGraph, id: string) => graph.dependencies.get(id as never);

const IMAGE: Partial<Pipeline> = {
  exports: [
    { type: 'tar', name: 'tar', options: {}, origin },
    { type: 'qcow2', name: 'qcow2', options: {}, origin },
    { type: 'raw', name: 'raw', options: {}, origin },
  ],
  checks: [{ type: 'boot', name: 'boot', options: {}, origin }],
};

describe('buildGraph', () => {
  it('makes one node for each thing, each after those it waits for', () => {
    const graph = built(pipeline('p', [{ name: 'a' }, { name: 'f', type: 'file' }], IMAGE));
    expect(graph.nodes.map((each) => [each.id, each.role])).toEqual([
      ['p/source', 'source'],
      ['p/a', 'step'],
      ['p/f', 'step'],
      ['p/seal', 'seal'],
      ['p/disk', 'disk'],
      ['p/tar', 'export'],
      ['p/qcow2', 'export'],
      ['p/raw', 'export'],
      ['p/boot', 'check'],
    ]);
    expect(below(graph, 'p/f')).toEqual(['p/source', 'p/a']);
    expect(node(graph, 'p/f', 'step').effect).toBe('write');
    expect(sliceNodes(node(graph, 'p/seal', 'seal').below)).toEqual(['p/source', 'p/a', 'p/f']);
    expect(waits(graph, 'p/seal')).toEqual(['p/f']);
    expect(node(graph, 'p/disk', 'disk').deltaCandidates).toEqual(['p/f']);
    expect(waits(graph, 'p/tar')).toEqual(['p/seal']);
    expect(node(graph, 'p/tar', 'export').disk).toBeUndefined();
    expect(waits(graph, 'p/raw')).toEqual(['p/disk']);
    expect(waits(graph, 'p/boot')).toEqual(['p/qcow2']);
  });

  it('makes no seal without exports and no disk without an exporter that reads one', () => {
    expect(built(pipeline('p', [{ name: 'a' }])).nodes.map((each) => each.role)).toEqual(['source', 'step']);
    const tar = pipeline('p', [], { exports: [{ type: 'tar', name: 'tar', options: {}, origin }] });
    expect(built(tar).nodes.map((each) => each.role)).toEqual(['source', 'seal', 'export']);
  });

  it('gives a step with needs those, what they see, and the source', () => {
    const graph = built(
      pipeline(
        'p',
        [
          { name: 'a' },
          { name: 'b', needs: [] },
          { name: 'c', needs: ['b'] },
          { name: 'd', needs: ['a', 'c'] },
          { name: 'e' },
          { name: 'f', needs: ['c'] },
        ],
        IMAGE,
      ),
    );
    expect(below(graph, 'p/b')).toEqual(['p/source']);
    expect(below(graph, 'p/c')).toEqual(['p/source', 'p/b']);
    expect(below(graph, 'p/d')).toEqual(['p/source', 'p/a', 'p/b', 'p/c']);
    expect(node(graph, 'p/d', 'step').below.only).toBeUndefined();
    expect(below(graph, 'p/f')).toEqual(['p/source', 'p/b', 'p/c']);
    expect(node(graph, 'p/f', 'step').below.only).toEqual([0, 2, 3]);
    expect(waits(graph, 'p/b')).toEqual(['p/source']);
    expect(waits(graph, 'p/d')).toEqual(['p/a', 'p/c']);
    expect(waits(graph, 'p/e')).toEqual(['p/d']);
    expect(waits(graph, 'p/seal')).toEqual(['p/e', 'p/f']);
  });

  it('makes a step of each script; others may need them all', () => {
    const graph = built(
      pipeline('p', [
        { name: 's', scripts: ['one.sh', 'two.sh'], needs: [] },
        { name: 't', needs: ['s'] },
      ]),
    );
    expect(below(graph, 'p/s.two-sh')).toEqual(['p/source', 'p/s.one-sh']);
    expect(below(graph, 'p/t')).toEqual(['p/source', 'p/s.one-sh', 'p/s.two-sh']);
    expect(node(graph, 'p/s.two-sh', 'step').step.options).toMatchObject({ script: 'two.sh' });
    expect(messages(pipeline('p', [{ name: 's', scripts: ['x', 'x'] }]))).toEqual([
      'two things of pipeline p have the name "s.x"',
    ]);
  });

  it('puts a step that an earlier one needs before it', () => {
    const graph = built(
      pipeline('p', [{ name: 'a', needs: ['c'] }, { name: 'b' }, { name: 'c', needs: [] }]),
    );
    expect(graph.nodes.map((each) => each.name)).toEqual(['source', 'c', 'a', 'b']);
  });

  it('shows circles of steps as trails', () => {
    expect(
      messages(
        pipeline('p', [
          { name: 'a', needs: ['b'] },
          { name: 'b', needs: ['c'] },
          { name: 'c', needs: ['a'] },
        ]),
      ),
    ).toEqual(['pipeline p: steps need each other in a circle: a -> b -> c -> a']);
    expect(messages(pipeline('p', [{ name: 'a', needs: ['a'] }]))).toEqual([
      'pipeline p: steps need each other in a circle: a -> a',
    ]);
    const implicit = buildGraph(
      template(pipeline('p', [{ name: 'a', needs: ['b'] }, { name: 'b' }])),
      fixtureKinds,
    );
    expect(implicit).toMatchObject({
      failures: [
        {
          reason: 'dependency-cycle',
          message: 'pipeline p: steps need each other in a circle: a -> b -> a',
          related: [{ message: 'b has no `needs`, so it sees all steps before it, a too' }],
        },
      ],
    });
  });

  it('shows circles of pipelines as trails', () => {
    expect(
      messages(pipeline('a', [], from('b')), pipeline('b', [], from('c')), pipeline('c', [], from('a'))),
    ).toEqual([
      expect.stringMatching(
        /^pipelines begin with each other in a circle: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)$/,
      ),
    ]);
    expect(messages(pipeline('a', [], from('a')))).toEqual([
      'pipelines begin with each other in a circle: a -> a',
    ]);
  });

  it('shares the nodes of the pipeline it begins with', () => {
    const graph = built(
      pipeline('top', [{ name: 'x' }], { ...from('base'), ...IMAGE }),
      pipeline('base', [{ name: 'a' }, { name: 'f', type: 'file' }], IMAGE),
      pipeline('other', [{ name: 'y', needs: [] }], { ...from('base'), ...IMAGE }),
    );
    expect(graph.nodes.filter((each) => each.role === 'source')).toHaveLength(1);
    expect(below(graph, 'top/x')).toEqual(['base/source', 'base/a', 'base/f']);
    // Without needs of its own a step still sees all of the other pipeline.
    expect(below(graph, 'other/y')).toEqual(['base/source', 'base/a', 'base/f']);
    expect(waits(graph, 'top/x')).toEqual(['base/f']);
    expect(node(graph, 'base/disk', 'disk').deltaCandidates).toEqual(['base/f']);
    expect(node(graph, 'top/disk', 'disk').deltaCandidates).toEqual([]);
    expect(sliceNodes(node(graph, 'top/disk', 'disk').stack)).toEqual([
      'base/source',
      'base/a',
      'base/f',
      'top/x',
    ]);
  });

  it('chooses the variant that agrees, or says which there are', () => {
    const base = (arch: 'amd64' | 'arm64') =>
      pipeline(`base[${arch}]`, [], { matrix: { architecture: arch }, architecture: arch });
    const top = (more: Partial<Pipeline>) => pipeline('top', [{ name: 'x' }], more);
    const agrees = built(
      base('amd64'),
      base('arm64'),
      top({ ...from('base'), matrix: { architecture: 'arm64' }, architecture: 'arm64' }),
    );
    expect(below(agrees, 'top/x')).toEqual(['base[arm64]/source']);
    const named = built(base('amd64'), base('arm64'), top(from('base', { architecture: 'amd64' })));
    expect(below(named, 'top/x')).toEqual(['base[amd64]/source']);
    expect(messages(base('amd64'), base('arm64'), top(from('base')))).toEqual([
      'pipeline top: source: several variants of "base" fit',
    ]);
    expect(messages(base('amd64'), top(from('base', { architecture: 'x' })))).toEqual([
      'pipeline top: source: no variant of "base" fits',
    ]);
    expect(messages(base('arm64'), top(from('base')))).toEqual([
      'pipeline top: source: base[arm64] is for arm64, this one for amd64',
    ]);
  });

  it('wants an export that a check can boot', () => {
    const check = { type: 'boot', name: 'boot', options: {}, origin };
    expect(messages(pipeline('p', [], { checks: [check] }))).toEqual([
      'check "boot" (boot): the pipeline has no export that can be booted',
    ]);
    expect(messages(pipeline('p', [], { ...IMAGE, checks: [{ ...check, export: 'tar' }] }))).toEqual([
      'check "boot" (boot): the export "tar" cannot be booted',
    ]);
    const named = built(pipeline('p', [], { ...IMAGE, checks: [{ ...check, export: 'raw' }] }));
    expect(node(named, 'p/boot', 'check').from).toBe('p/raw');
  });
});

describe('any graph', () => {
  /** Steps that need any steps but themselves, earlier or later. */
  const steps = fc.integer({ min: 1, max: 40 }).chain((size) =>
    fc.tuple(
      ...Array.from({ length: size }, (_, index) =>
        fc.record({
          name: fc.constant(`s${index}`),
          type: fc.constantFrom('shell' as const, 'file' as const),
          needs: fc.option(
            fc.array(
              fc.nat(size - 1).map((other) => `s${other}`),
              { maxLength: 3 },
            ),
            { nil: undefined },
          ),
        }),
      ),
    ),
  );
  const clean = (
    list: readonly { name: string; type: 'shell' | 'file'; needs: string[] | undefined }[],
  ): Written[] =>
    list.map(({ name, type, needs }) => ({ name, type, ...(needs === undefined ? {} : { needs }) }));

  it('is ordered, sees exactly what needs say, and waits for no more than it must', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const graph = buildGraph(template(pipeline('p', clean(list), IMAGE)), fixtureKinds);
        if (!graph.ok) {
          expect(graph.failures.every((failure) => failure.reason === 'dependency-cycle')).toBe(true);
          return;
        }
        const { nodes, dependencies } = graph.value;
        const at = new Map(nodes.map((each, index) => [each.id, index]));
        const sees = new Map<string, ReadonlySet<string>>();
        for (const each of nodes) {
          const waitsFor = dependencies.get(each.id) ?? [];
          // Order.
          for (const other of waitsFor) expect(at.get(other)).toBeLessThan(at.get(each.id) ?? -1);
          if (each.role !== 'step') continue;
          const seen = new Set<string>(sliceNodes(each.below));
          sees.set(each.id, seen);
          // What it sees, by the definition.
          const needs = list.find((one) => one.name === each.name)?.needs;
          const expected = new Set<string>(['p/source']);
          if (needs === undefined)
            for (const other of nodes.slice(0, at.get(each.id))) expected.add(other.id);
          for (const name of needs ?? []) {
            expected.add(`p/${name}`);
            for (const other of sees.get(`p/${name}`) ?? []) expected.add(other);
          }
          expect(seen).toEqual(expected);
          // Waiting for these is waiting for all it sees, and none of them is implied by another.
          const implied = new Set(
            waitsFor.flatMap((other) => [...(sees.get(other) ?? (other === 'p/source' ? [] : ['?']))]),
          );
          expect(new Set([...waitsFor, ...implied])).toEqual(expected);
          for (const other of waitsFor) expect(implied.has(other)).toBe(false);
        }
        const disk = node(graph.value, 'p/disk', 'disk');
        const runs = nodes.flatMap((each) =>
          each.role === 'step' && each.effect === 'run' ? [sees.get(each.id)] : [],
        );
        const unseen = nodes.filter(
          (each) =>
            each.role === 'step' && each.effect === 'write' && !runs.some((seen) => seen?.has(each.id)),
        );
        expect(disk.deltaCandidates).toEqual(unseen.map((each) => each.id));
      }),
      { numRuns: 300 },
    );
  });

  it('is the same for the same template', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const once = () => JSON.stringify(buildGraph(template(pipeline('p', clean(list))), fixtureKinds));
        expect(once()).toBe(once());
      }),
      { numRuns: 30 },
    );
  });
});

describe('10,000 steps', () => {
  const many = (
    needs: (index: number) => readonly string[] | undefined,
    type: (index: number) => 'shell' | 'file' = () => 'shell',
  ) =>
    Array.from({ length: 10_000 }, (_, index): Written => {
      const own = needs(index);
      return { name: `s${index}`, type: type(index), ...(own === undefined ? {} : { needs: own }) };
    });

  it.each([
    ['a chain', many(() => undefined)],
    ['a chain by needs', many((index) => (index === 0 ? [] : [`s${index - 1}`]))],
    ['all side by side', many(() => [])],
    ['two chains', many((index) => (index < 2 ? [] : [`s${index - 2}`]))],
    ['a chain backwards', many((index) => (index === 9999 ? [] : [`s${index + 1}`]))],
    [
      'files and scripts in turn',
      many(
        () => undefined,
        (index) => (index % 2 === 0 ? 'file' : 'shell'),
      ),
    ],
  ])('%s', (_, steps) => {
    const graph = buildGraph(template(pipeline('p', steps, IMAGE)), fixtureKinds);
    expect(graph.ok && graph.value.nodes.length).toBe(10_007);
  });
});

describe('a pipeline whose builder has machines of its own', () => {
  const builder = { type: 'vm', options: { memory: 512 }, origin };
  const qcow2 = { type: 'qcow2', name: 'qcow2', options: {}, origin };

  it('is a chain without seal; the disk is that of the machine', () => {
    const graph = built(
      pipeline('p', [{ name: 'a' }, { name: 'f', type: 'file' }], { builder, exports: [qcow2] }),
    );
    expect(graph.nodes.map((each) => [each.id, each.role])).toEqual([
      ['p/source', 'source'],
      ['p/a', 'step'],
      ['p/f', 'step'],
      ['p/disk', 'disk'],
      ['p/qcow2', 'export'],
    ]);
    expect(node(graph, 'p/f', 'step').effect).toBe('run');
    expect(waits(graph, 'p/f')).toEqual(['p/a']);
    expect(waits(graph, 'p/disk')).toEqual(['p/f']);
    expect(node(graph, 'p/disk', 'disk').seal).toBeUndefined();
  });

  it('can begin with the disk of a pipeline of layers, which is built for it', () => {
    const graph = built(pipeline('base', [{ name: 'a' }]), pipeline('p', [], { builder, ...from('base') }));
    expect(graph.nodes.map((each) => each.id)).toEqual([
      'base/source',
      'base/a',
      'base/seal',
      'base/disk',
      'p/source',
    ]);
    expect(waits(graph, 'p/source')).toEqual(['base/disk']);
    expect(node(graph, 'p/source', 'source').disk).toBe('base/disk');
  });

  it('goes on with the nodes of one that has the same machine', () => {
    const graph = built(
      pipeline('base', [{ name: 'a' }], { builder }),
      pipeline('p', [{ name: 'b' }], { builder, ...from('base') }),
    );
    expect(waits(graph, 'p/b')).toEqual(['base/a']);
  });

  it('refuses what its builder does not give', () => {
    const layers = pipeline('base', [{ name: 'a' }]);
    const vm = pipeline('vm', [{ name: 'a' }], { builder });
    const other = { ...builder, options: { memory: 1024 } };
    const box = { type: 'box', options: {}, origin };
    expect(messages(vm, pipeline('p', [], from('vm')))).toEqual([
      'pipeline p (builder rootfs) cannot begin with vm (builder vm)',
    ]);
    expect(messages(vm, pipeline('p', [], { builder: other, ...from('vm') }))).toEqual([
      'pipeline p goes on with the machine of vm, whose `builder` has other options',
    ]);
    expect(messages(layers, pipeline('p', [], { builder: box, ...from('base') }))).toEqual([]);
    expect(messages(pipeline('p', [], { builder: box, exports: [qcow2] }))).toEqual([
      'export "qcow2" (qcow2) needs a disk, which the builder box does not give',
    ]);
    const tar = { type: 'tar', name: 'tar', options: {}, origin };
    expect(messages(pipeline('p', [], { builder, exports: [tar] }))).toEqual([
      'export "tar" (tar) needs layers of files, which the builder vm does not give',
    ]);
    expect(messages(pipeline('p', [{ name: 'a' }, { name: 'b', needs: ['a'] }], { builder }))).toEqual([
      'step "b": `needs` has no meaning with the builder vm',
    ]);
  });
});
