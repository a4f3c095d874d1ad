import { describe, expect, it } from 'vitest';
import { countStates, EMPTY_RUN, nodeOf, reduce, TAIL_LINES } from '../../../src/ui/view-model.ts';
import { cachedRun, crowdedRun, editedRun, failedRun, idOf, Recorder } from '../../rigs/recorded-run.ts';

const fold = (events: Parameters<typeof reduce>[1][]) => events.reduce(reduce, EMPTY_RUN);

describe('reduce', () => {
  it('counts every node in exactly one state', () => {
    for (const events of [editedRun(), cachedRun(), failedRun(), crowdedRun(100)]) {
      const view = fold([...events]);
      const counts = countStates(view);
      expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(view.nodes.length);
    }
  });

  it('keeps why a step ran, what it gave and how the run ended', () => {
    const view = fold([...editedRun()]);
    expect(nodeOf(view, 'web/page')).toMatchObject({
      state: 'built',
      durationMs: 35,
      size: 412,
      unchanged: false,
    });
    expect(nodeOf(view, 'web/page')?.reason).toContain('index.html');
    expect(nodeOf(view, 'web/source')?.state).toBe('cached');
    expect(view.ended?.counts).toEqual({ cached: 4, built: 4, failed: 0, skipped: 0 });
    expect(view.artifacts.map((artifact) => artifact.path)).toEqual(['/project/output/web.qcow2']);
  });

  it('keeps the last lines of a failed step and drops those of a built one', () => {
    const failed = nodeOf(fold([...failedRun()]), 'web/services');
    expect(failed?.tail).toHaveLength(TAIL_LINES);
    expect(failed?.tail.at(-1)).toBe('no such unit: ngnix');
    const built = fold(
      new Recorder()
        .start([{ name: 'a' }])
        .run('a', 'x')
        .log('a', 'y')
        .built('a', 1).events,
    );
    expect(nodeOf(built, 'web/a')?.tail).toEqual([]);
  });

  it('begins with an empty log at a retry', () => {
    const events = new Recorder()
      .start([{ name: 'a' }])
      .run('a', 'x')
      .log('a', 'first attempt');
    events
      .emit({ type: 'node-retry', id: idOf('a'), attempt: 2, of: 3, message: 'exit code 1' })
      .log('a', 'second');
    const node = nodeOf(fold(events.events), 'web/a');
    expect(node?.tail).toEqual(['second']);
    expect(node?.attempt).toEqual({ number: 2, of: 3 });
  });

  it('changes no earlier view', () => {
    let view = EMPTY_RUN;
    const copies = [...editedRun()].map((event) => {
      const before = view;
      const text = JSON.stringify(before);
      view = reduce(view, event);
      return () => expect(JSON.stringify(before)).toBe(text);
    });
    for (const check of copies) check();
  });

  it('ignores nodes it was never told of', () => {
    const view = fold(new Recorder().start([{ name: 'a' }]).run('ghost', 'x').events);
    expect(countStates(view)).toMatchObject({ waiting: 1, running: 0 });
  });
});
