import { expect, test } from 'vitest';
import type { NodeOutput } from '../../../src/cache/action-record.ts';
import type { BuildEvent } from '../../../src/events/build-event.ts';
import { EventSink } from '../../../src/events/event-sink.ts';
import type { GraphNode, PipelineGraph } from '../../../src/model/graph.ts';
import { asCacheKey, asNodeId, type NodeId } from '../../../src/model/ids.ts';
import type { Probe, Prober } from '../../../src/plan/prober.ts';
import type { Dispatcher, ExecutionOutcome } from '../../../src/executor/dispatcher.ts';
import { runPlan, type RunPlanOptions } from '../../../src/scheduler/run-plan.ts';
import { Redactor } from '../../../src/util/redact.ts';

const OUTPUT: NodeOutput = { type: 'passed' };

interface Rig {
  readonly events: BuildEvent[];
  readonly executed: string[];
  readonly run: () => ReturnType<typeof runPlan>;
}

/**
 * A graph written as `a: []`, `b: ['a']`, of which `hits` are cached. Execution is a function, so that tests decide what
 * it gives and when.
 */
function rig(
  edges: Record<string, string[]>,
  options: Partial<RunPlanOptions> & {
    hits?: string[];
    execute?: (id: string, signal: AbortSignal) => Promise<ExecutionOutcome>;
    stopsRun?: boolean;
    pipelineOf?: (id: string) => string;
  } = {},
): Rig {
  const events: BuildEvent[] = [];
  const executed: string[] = [];
  const settled = new Set<string>();
  const sink = new EventSink(new Redactor());
  sink.listen((event) => events.push(event));
  const nodes = Object.keys(edges).map(
    (id) =>
      ({
        id: asNodeId(id),
        name: id,
        role: 'seal',
        pipeline: { id: options.pipelineOf?.(id) ?? 'p' },
      }) as unknown as GraphNode,
  );
  const graph: PipelineGraph = {
    nodes,
    dependencies: new Map(Object.entries(edges).map(([id, needs]) => [asNodeId(id), needs.map(asNodeId)])),
  };
  const prober = {
    probe: (node: GraphNode): Probe => {
      for (const needed of edges[node.id] ?? [])
        expect(settled, `${node.id} probed before ${needed}`).toContain(needed);
      const key = asCacheKey(node.id);
      if (options.hits?.includes(node.id) !== true) {
        return {
          state: 'miss',
          key,
          inputs: { kind: 'x', keyVersion: 1, options: {} },
          reason: 'first build',
        };
      }
      const record = {
        key,
        node: node.id,
        inputs: { kind: '', keyVersion: 1, options: {} },
        output: OUTPUT,
        durationMs: 1,
        createdAt: '',
        bootId: '',
      };
      return { state: 'hit', key, record };
    },
    settle: (id: NodeId) => settled.add(id),
  } as unknown as Prober;
  const dispatcher: Dispatcher = {
    stopsRun: options.stopsRun ?? false,
    execute: async (node, _probe, signal) => {
      executed.push(node.id);
      return (
        (await options.execute?.(node.id, signal)) ?? { type: 'built', output: OUTPUT, unchanged: false }
      );
    },
  };
  const run = (): ReturnType<typeof runPlan> =>
    runPlan({
      graph,
      prober,
      sink,
      dispatcher: () => Promise.resolve(dispatcher),
      budget: { cpus: 2, memory: 100 },
      costOf: () => ({ cpus: 1, memory: 10 }),
      parallelPipelines: 0,
      failFast: false,
      signal: new AbortController().signal,
      ...options,
    });
  return { events, executed, run };
}

const ends = (events: readonly BuildEvent[]): Record<string, string> =>
  Object.fromEntries(
    events.flatMap((event) => (event.type === 'node-ended' ? [[event.id, event.end.type]] : [])),
  );

const failed: ExecutionOutcome = { type: 'failed', failures: [{ reason: 'step-failed', message: 'no' }] };

test('hits run nothing, and the dispatcher is not even loaded', async () => {
  const { run, executed, events } = rig(
    { a: [], b: ['a'] },
    { hits: ['a', 'b'], dispatcher: () => Promise.reject(new Error('loaded')) },
  );
  expect(await run()).toMatchObject({ outcome: 'succeeded', counts: { cached: 2, built: 0 } });
  expect(executed).toEqual([]);
  expect(ends(events)).toEqual({ a: 'cached', b: 'cached' });
});

test('a node is probed only after what it needs, also behind a rebuilt one', async () => {
  const { run, executed } = rig({ a: [], b: ['a'], c: ['a'], d: ['b', 'c'] }, { hits: ['b'] });
  expect(await run()).toMatchObject({ outcome: 'succeeded', counts: { cached: 1, built: 3 } });
  expect(executed).toEqual(['a', 'c', 'd']);
});

test('independent nodes run side by side, within the budget', async () => {
  let inside = 0;
  let most = 0;
  const { run } = rig(Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((id) => [id, []])), {
    execute: async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((done) => setTimeout(done, 5));
      inside -= 1;
      return { type: 'built', output: OUTPUT, unchanged: false };
    },
  });
  await run();
  expect(most).toBe(2);
});

test('a node larger than the budget runs alone rather than never', async () => {
  const { run } = rig({ a: [], b: [] }, { costOf: () => ({ cpus: 8, memory: 1000 }) });
  expect(await run()).toMatchObject({ outcome: 'succeeded', counts: { built: 2 } });
});

test('-parallel-builds bounds pipelines, not steps', async () => {
  const active = new Set<string>();
  let most = 0;
  const pipelineOf = (id: string): string => id.slice(0, 1);
  const { run } = rig(
    { p1: [], p2: ['p1'], q1: [], q2: ['q1'] },
    {
      parallelPipelines: 1,
      pipelineOf,
      execute: async (id) => {
        active.add(pipelineOf(id));
        most = Math.max(most, active.size);
        await new Promise((done) => setTimeout(done, 2));
        active.delete(pipelineOf(id));
        return { type: 'built', output: OUTPUT, unchanged: false };
      },
    },
  );
  expect(await run()).toMatchObject({ outcome: 'succeeded', counts: { built: 4 } });
  expect(most).toBe(1);
});

test('a failure skips what needs it and nothing else', async () => {
  const { run, events } = rig(
    { a: [], b: ['a'], c: ['b'], other: [] },
    {
      execute: (id) =>
        Promise.resolve(id === 'a' ? failed : { type: 'built', output: OUTPUT, unchanged: false }),
    },
  );
  expect(await run()).toMatchObject({ outcome: 'failed', counts: { built: 1, failed: 1, skipped: 2 } });
  expect(ends(events)).toEqual({ a: 'failed', b: 'skipped', c: 'skipped', other: 'built' });
});

test.each([
  ['--fail-fast', { failFast: true }],
  ['-on-error=abort', { stopsRun: true }],
])('%s stops running nodes at the first failure', async (_, options) => {
  const { run, events } = rig(
    { bad: [], slow: [], later: ['slow'] },
    {
      ...options,
      execute: async (id, signal) => {
        if (id === 'bad') return failed;
        await new Promise((done) => signal.addEventListener('abort', done));
        return { type: 'failed', failures: [] };
      },
    },
  );
  expect(await run()).toMatchObject({ outcome: 'failed' });
  expect(ends(events)).toEqual({ bad: 'failed', slow: 'cancelled', later: 'cancelled' });
});

test('the user stops the run: running nodes are cancelled, nothing new starts', async () => {
  const abort = new AbortController();
  const { run, events, executed } = rig(
    { a: [], b: ['a'] },
    {
      signal: abort.signal,
      execute: async (_, signal) => {
        setTimeout(() => abort.abort(), 1);
        await new Promise((done) => signal.addEventListener('abort', done));
        return { type: 'failed', failures: [] };
      },
    },
  );
  expect(await run()).toMatchObject({ outcome: 'aborted', counts: { failed: 0 } });
  expect(executed).toEqual(['a']);
  expect(ends(events)).toEqual({ a: 'cancelled', b: 'cancelled' });
});

test('a chain of 10,000 cached steps settles without leaving the loop', async () => {
  const edges = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, at) => [`s${at}`, at === 0 ? [] : [`s${at - 1}`]]),
  );
  const { run } = rig(edges, { hits: Object.keys(edges) });
  expect(await run()).toMatchObject({ outcome: 'succeeded', counts: { cached: 10_000 } });
});
