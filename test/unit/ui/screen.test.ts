import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/events/build-event.ts';
import { UNICODE_GLYPHS } from '../../../src/ui/ink/node-line.ts';
import { screenLines } from '../../../src/ui/ink/screen.ts';
import { EMPTY_RUN, reduce } from '../../../src/ui/view-model.ts';
import { crowdedRun, editedRun, failedRun } from '../../rigs/recorded-run.ts';

function screen(events: readonly BuildEvent[], size = { columns: 80, rows: 24 }): string[] {
  const view = events.reduce(reduce, EMPTY_RUN);
  const lines = screenLines(view, { ...size, now: view.time, glyphs: UNICODE_GLYPHS });
  return lines.map((line) => line.spans.map((span) => span.text).join(''));
}

const upTo = (events: readonly BuildEvent[], type: BuildEvent['type'], id: string): readonly BuildEvent[] => {
  const index = events.findIndex((event) => event.type === type && 'id' in event && event.id === id);
  return events.slice(0, index + 1);
};

describe('the live screen', () => {
  it('shows every step when they fit', async () => {
    const lines = screen(upTo(editedRun(), 'node-progress', 'web/qcow2'));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../golden/ui/screen-edited.txt');
  });

  it('shows a failure with its message', () => {
    expect(screen(failedRun()).join('\n')).toContain('✖ services');
    expect(screen(failedRun()).join('\n')).toContain('step services exited with code 3');
  });

  it('folds cached, built and waiting steps at 80×24', async () => {
    const lines = screen(crowdedRun(90));
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot('../../golden/ui/screen-crowded.txt');
    expect(lines.filter((line) => line.includes('says three'))).toHaveLength(3);
  });

  it.each([
    [1, 24],
    [3, 10],
    [90, 24],
    [90, 8],
    [90, 4],
    [90, 2],
    [1000, 60],
  ])('never fills the screen: %i steps on %i lines', (steps, rows) => {
    const lines = screen(crowdedRun(steps), { columns: 80, rows });
    expect(lines.length).toBeLessThanOrEqual(Math.max(3, rows - 1));
  });

  it.each([24, 14, 10])('shows each running step on %i lines and accounts for all others', (rows) => {
    const lines = screen(crowdedRun(90), { columns: 80, rows });
    for (const name of ['step-061', 'step-062', 'step-063']) {
      expect(lines.filter((line) => line.includes(name) && !line.includes('says'))).toHaveLength(1);
    }
    const rowsShown = lines.filter((line) => /step-\d+ /.test(line) && !line.includes('says')).length;
    const folded = lines
      .slice(1, -1)
      .map((line) => /^\S (\d+) (cached|more|waiting|skipped)$/.exec(line)?.[1])
      .reduce((sum, number) => sum + Number(number ?? 0), 0);
    expect(rowsShown + folded).toBe(90);
  });
});
