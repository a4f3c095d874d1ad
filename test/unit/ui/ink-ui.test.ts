import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Terminal } from '@xterm/headless';
import { describe, expect, it } from 'vitest';
import type { BuildEvent } from '../../../src/events/build-event.ts';
import { createInkUi } from '../../../src/ui/ink/ink-ui.ts';
import { cachedRun, crowdedRun, editedRun } from '../../rigs/recorded-run.ts';

/** A terminal emulator behind the stream that the interface writes to. */
class FakeTty extends EventEmitter {
  readonly isTTY = true;
  readonly terminal: Terminal;
  written = '';
  columns: number;
  rows: number;

  constructor(columns = 80, rows = 24) {
    super();
    this.columns = columns;
    this.rows = rows;
    this.terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, convertEol: true });
  }

  write(text: string, encoding?: unknown, done?: () => void): boolean {
    this.written += text;
    this.terminal.write(text, typeof encoding === 'function' ? (encoding as () => void) : done);
    return true;
  }

  resize(columns: number, rows: number): void {
    this.columns = columns;
    this.rows = rows;
    this.terminal.resize(columns, rows);
    this.emit('resize');
  }

  /** Lines of the visible screen, from its first to its last that is not empty. */
  async screen(): Promise<string[]> {
    await new Promise<void>((resolve) => this.terminal.write('', resolve));
    const { active } = this.terminal.buffer;
    const lines = Array.from(
      { length: this.rows },
      (_, row) => active.getLine(active.baseY + row)?.translateToString(true) ?? '',
    );
    return lines.slice(0, lines.findLastIndex((line) => line !== '') + 1);
  }

  /** Lines that scrolled out above. */
  get scrolled(): number {
    return this.terminal.buffer.active.baseY;
  }
}

function setUp(color = false, size: readonly [number, number] = [80, 24]) {
  const tty = new FakeTty(...size);
  let out = '';
  const ui = createInkUi({
    stdout: { write: (text: string) => (out += text) },
    stderr: tty as unknown as NodeJS.WriteStream,
    color,
    cwd: '/project',
    timestamps: false,
    verbose: false,
    github: false,
    unicode: true,
  });
  return { tty, ui, play: (events: readonly BuildEvent[]) => events.forEach(ui.listen), out: () => out };
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await condition()) return;
    await sleep(50);
  }
}

describe('ink', () => {
  it('shows a row for each step while it runs', async () => {
    const { tty, ui, play } = setUp();
    const events = editedRun();
    play(events.slice(0, events.findIndex((event) => event.type === 'node-progress') + 1));
    await until(async () => (await tty.screen()).length > 8);
    const screen = await tty.screen();
    expect(screen[0]).toMatch(/^build web +.* s$/);
    expect(screen).toContainEqual(expect.stringMatching(/^✔ packages +cached$/));
    expect(screen).toContainEqual(expect.stringMatching(/^\S qcow2 .*████░░░░░░ 40 %/));
    expect(screen.at(-1)).toBe('1 running, 2 built, 4 cached, 1 waiting');
    await ui.finish([]);
  });

  it('never scrolls at 80×24 with far more steps than lines, also after a resize', async () => {
    const { tty, ui, play } = setUp();
    play(crowdedRun(90));
    await until(async () => (await tty.screen()).some((line) => line.includes('27 waiting')));
    await sleep(400);
    expect(tty.scrolled).toBe(0);
    expect(await tty.screen()).toContainEqual(expect.stringContaining('step-063 says three'));
    tty.resize(60, 14);
    await sleep(400);
    const small = await tty.screen();
    expect(small.filter((line) => line.startsWith('build web'))).toHaveLength(1);
    expect(small[0]).toMatch(/^build web/);
    expect(small.at(-1)).toBe('3 running, 30 built, 30 cached, 27 waiting');
    expect(Math.max(...small.map((line) => line.length))).toBeLessThanOrEqual(60);
    await ui.finish([]);
  });

  it('leaves a calm summary and nothing of the live rows', async () => {
    const { tty, ui, play, out } = setUp();
    const events = editedRun();
    play(events.slice(0, -2));
    await until(async () => (await tty.screen()).length > 5);
    play(events.slice(-2));
    await ui.finish([]);
    const screen = await tty.screen();
    expect(screen).toEqual([
      expect.stringMatching(/^✔ web\/page +0.04 s {2}content of/),
      expect.stringMatching(/^✔ web\/disk +1.9 s/),
      expect.stringMatching(/^✔ web\/qcow2 +0.60 s/),
      expect.stringMatching(/^✔ web\/boot +21 s/),
      'warning: the archive has newer packages than imgpipe.lock',
      'done in 24 s: 4 built, 4 cached',
    ]);
    expect(out()).toBe('output/web.qcow2  412 MB  sha256:0123456789ab\n');
  });

  it('draws nothing for a cached build', async () => {
    const { tty, ui, play } = setUp();
    play(cachedRun());
    await ui.finish([]);
    expect(tty.written).toBe('nothing changed in 0.04 s: all 8 steps cached\n');
  });

  it('gives the terminal away and takes it back', async () => {
    const { tty, ui, play } = setUp();
    play(crowdedRun(9));
    await until(async () => (await tty.screen()).length > 5);
    const answer = await ui.suspend(async () => {
      tty.write('a question? ');
      expect(await tty.screen()).toEqual(['a question? ']);
      await sleep(300);
      expect(await tty.screen()).toEqual(['a question? ']);
      return 'yes';
    });
    expect(answer).toBe('yes');
    await until(async () => (await tty.screen()).some((line) => line.includes('running')));
    expect((await tty.screen()).some((line) => line.includes('3 running'))).toBe(true);
    await ui.finish([]);
  });

  it.each([true, false])('has colour codes: %s', async (color) => {
    const { tty, ui, play } = setUp(color);
    play(crowdedRun(9));
    await until(async () => (await tty.screen()).length > 5);
    await ui.finish([]);
    expect(tty.written.includes('\u001B[32m')).toBe(color);
    expect(tty.written.includes('\u001B[2m')).toBe(color);
  });
});
