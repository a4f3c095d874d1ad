import { existsSync, mkdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal } from '../../../src/cache/journal.ts';
import { StoreLayout } from '../../../src/cache/store-layout.ts';
import { trimMountsDaily } from '../../../src/cache/trim-mounts.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const DAY = 24 * 60 * 60 * 1000;
const remove = (path: string): Promise<void> => Promise.resolve(rmSync(path, { force: true }));

/** A mount `apt` with three packages of 8 kB, the first the oldest, and one `small` with a single file. */
function mounts(): { layout: StoreLayout; file: (name: string) => string } {
  const layout = new StoreLayout(temporaryFolder());
  const file = (name: string) => join(layout.folder('mounts'), name);
  mkdirSync(file('apt/archives'), { recursive: true });
  mkdirSync(file('small'));
  for (const [at, name] of ['apt/archives/a.deb', 'apt/b.deb', 'apt/archives/c.deb', 'small/x'].entries()) {
    writeFileSync(file(name), Buffer.alloc(8192, 1));
    utimesSync(file(name), 1000 + at, 1000 + at);
  }
  return { layout, file };
}

const there = (file: (name: string) => string): boolean[] =>
  ['apt/archives/a.deb', 'apt/b.deb', 'apt/archives/c.deb', 'small/x'].map((name) => existsSync(file(name)));

test('the oldest files of a mount that is too large go, once a day', async () => {
  const { layout, file } = mounts();
  const limits = { maxBytes: 16384, ownRun: 'mine' };
  expect(await trimMountsDaily(layout, { ...limits, now: 10 * DAY }, remove)).toBe(8192);
  expect(there(file)).toEqual([false, true, true, true]);
  const less = { ...limits, maxBytes: 8192 };
  expect(await trimMountsDaily(layout, { ...less, now: 10.5 * DAY }, remove)).toBe(0);
  expect(await trimMountsDaily(layout, { ...less, now: 11.1 * DAY }, remove)).toBe(8192);
  expect(there(file)).toEqual([false, false, true, true]);
});

test('nothing goes while another run lives, which may use it', async () => {
  const { layout, file } = mounts();
  using _mine = new Journal(layout, { runId: 'mine', command: 'build', project: '/p' });
  const limits = { maxBytes: 0, ownRun: 'mine' };
  {
    using _other = new Journal(layout, { runId: 'other', command: 'build', project: '/p' });
    expect(await trimMountsDaily(layout, limits, remove)).toBe(0);
  }
  expect(there(file)).toEqual([true, true, true, true]);
  expect(await trimMountsDaily(layout, limits, remove)).toBe(4 * 8192);
});
