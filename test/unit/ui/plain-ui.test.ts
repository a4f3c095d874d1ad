import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/events/build-event.ts';
import type { UiOptions } from '../../../src/ui/build-ui.ts';
import { createPlainUi } from '../../../src/ui/plain/plain-ui.ts';
import { cachedRun, editedRun, failedRun, Recorder } from '../../rigs/recorded-run.ts';

async function play(events: readonly BuildEvent[], options: Partial<UiOptions> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const ui = createPlainUi({
    stdout: { write: (text: string) => out.push(text) },
    stderr: { write: (text: string) => err.push(text) },
    color: false,
    cwd: '/project',
    timestamps: false,
    verbose: false,
    github: false,
    unicode: true,
    ...options,
  });
  for (const event of events) ui.listen(event);
  await ui.finish([]);
  return { out: out.join(''), err: err.join('') };
}

const golden = (name: string) => `../../golden/ui/${name}.txt`;

describe('plain', () => {
  it('shows an edited file', async () => {
    const { out, err } = await play(editedRun());
    await expect(`${err}── standard output\n${out}`).toMatchFileSnapshot(golden('plain-edited'));
  });

  it('shows a cached build in a few lines', async () => {
    const { out, err } = await play(cachedRun());
    await expect(`${err}── standard output\n${out}`).toMatchFileSnapshot(golden('plain-cached'));
    expect(err.split('\n').length).toBeLessThan(6);
  });

  it('ends a failed build with its log and the failure', async () => {
    const { out, err } = await play(failedRun());
    expect(out).toBe('');
    await expect(err).toMatchFileSnapshot(golden('plain-failed'));
    const lines = err.trimEnd().split('\n');
    expect(lines.indexOf('   no such unit: ngnix')).toBeGreaterThan(0);
    expect(lines.at(-1)).toMatch(/^failed after/);
  });

  it('names the log instead of repeating what the failure quotes', async () => {
    const failure = { reason: 'step-failed', message: 'm', stepId: 'web/a', excerpt: ['why'] } as const;
    const events = new Recorder()
      .start([{ name: 'a' }])
      .run('a', 'x')
      .log('a', 'noise', 'why');
    events
      .end('a', { type: 'failed', failures: [failure], logFile: '/project/a.log' }, 1)
      .finish('failed', [0, 0, 1, 0]);
    const { err } = await play(events.events);
    expect(err).toContain('| why');
    expect(err).not.toContain('noise');
    expect(err).toContain('whole log of web/a: a.log\n');
  });

  it('says what a stopped run left undone', async () => {
    const events = new Recorder()
      .start([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
      .cached('a')
      .run('b', 'first build');
    events.wait(1200).end('b', { type: 'cancelled' }, 1200).finish('aborted', [1, 0, 0, 0]);
    const { err } = await play(events.events);
    expect(err.trimEnd().split('\n').slice(-2)).toEqual([
      '[web/b] stopped after 1.2 s',
      'stopped after 1.2 s: 1 cached, 2 not finished',
    ]);
  });

  it('marks failures for GitHub Actions at their line', async () => {
    const { err } = await play(failedRun(), { github: true });
    expect(err).toContain('::group::end of the log of web/services');
    expect(err).toContain('::error file=pipelines/web.yaml,line=12,col=5::step services exited with code 3');
  });

  it('prints every line of output only when asked', async () => {
    expect((await play(failedRun())).err).not.toContain('| line 1\n');
    expect((await play(failedRun(), { verbose: true })).err).toContain('[web/services] | line 1\n');
  });

  it('puts the time of the run, not of the replay, before lines', async () => {
    const { err } = await play(editedRun(), { timestamps: true });
    expect(err.split('\n')[0]).toBe('2026-01-02T03:04:05.000Z build: 1 pipeline, 8 steps');
    expect(err).toContain('2026-01-02T03:04:05.012Z [web/page] started');
  });

  it('has colour codes only when asked', async () => {
    expect((await play(editedRun())).err).not.toContain('\u001B');
    expect((await play(editedRun(), { color: true })).err).toContain('\u001B[32m');
  });
});
