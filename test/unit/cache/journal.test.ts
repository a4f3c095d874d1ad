import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { Journal, readJournals } from '../../../src/cache/journal.ts';
import { hasLeftovers, reapDeadRuns } from '../../../src/cache/reap.ts';
import { StoreLayout } from '../../../src/cache/store-layout.ts';
import { identifyProcess } from '../../../src/util/process-identity.ts';
import { temporaryName } from '../../../src/util/temporary-name.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const RUN = { runId: 'run-1', command: 'build', project: '/p' };

/** A journal as a run that was killed leaves it. */
function abandon(layout: StoreLayout): void {
  const file = layout.journalFile(RUN.runId);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/"startTicks":"\d+"/, '"startTicks":"1"'));
}

test('a living run is shown and its things are left alone', async () => {
  const layout = new StoreLayout(temporaryFolder());
  using journal = new Journal(layout, RUN);
  const path = join(layout.root, 'half');
  writeFileSync(path, '');
  mkdirSync(join(layout.folder('scratch'), RUN.runId), { recursive: true });
  journal.add({ type: 'path', path, what: 'test' });
  expect(readJournals(layout)).toMatchObject([{ alive: true, record: { runId: 'run-1' } }]);
  expect(hasLeftovers(layout)).toBe(false);
  expect(await reapDeadRuns(layout)).toEqual({ runs: [], processes: [], paths: [] });
  expect(existsSync(path)).toBe(true);
});

test('a closed run leaves nothing', () => {
  const layout = new StoreLayout(temporaryFolder());
  new Journal(layout, RUN)[Symbol.dispose]();
  expect(readJournals(layout)).toEqual([]);
});

test('what a killed run left is ended and deleted', async () => {
  const layout = new StoreLayout(temporaryFolder());
  const journal = new Journal(layout, RUN);
  const child = spawn('sleep', ['60']);
  const process = identifyProcess(child.pid ?? 0);
  if (process === undefined) throw new Error('no child');
  const half = join(layout.root, 'half');
  writeFileSync(half, '');
  const scratch = join(layout.folder('scratch'), RUN.runId, 'x');
  mkdirSync(scratch, { recursive: true });
  journal.add({ type: 'process', process, what: 'sleep' });
  journal.add({ type: 'path', path: half, what: 'half-written file' });
  abandon(layout);

  expect(hasLeftovers(layout)).toBe(true);
  const exit = once(child, 'exit');
  const reaped = await reapDeadRuns(layout);
  await exit;
  expect(child.signalCode).toBe('SIGKILL');
  expect(reaped.runs).toEqual(['run-1']);
  expect(existsSync(half)).toBe(false);
  expect(existsSync(scratch)).toBe(false);
  expect(hasLeftovers(layout)).toBe(false);
});

test.each([
  'locks/presence',
  'format.json',
])('%s of a run that died before it had a journal is noticed and deleted; that of a living one stays', async (name) => {
  const layout = new StoreLayout(temporaryFolder());
  mkdirSync(layout.folder('locks'), { recursive: true });
  const living = temporaryName(join(layout.root, name));
  writeFileSync(living, '');
  expect(hasLeftovers(layout)).toBe(false);
  // Beyond the largest number that the kernel gives.
  const dead = living.replace(/tmp-\d+/, 'tmp-99999999');
  writeFileSync(dead, '');
  expect(hasLeftovers(layout)).toBe(true);
  expect((await reapDeadRuns(layout)).paths).toEqual([dead]);
  expect(existsSync(living)).toBe(true);
});

test.each([
  'disks/a.raw',
  'checked/a.json',
  'logs/run-1/result.json',
  'mounts/packed-trees/a',
  'artifacts/node/a.json',
  'layers/abc/info.json',
  'actions/ab/abcd.json',
])('%s that a dead process was writing is deleted, that of a living one stays', async (name) => {
  const layout = new StoreLayout(temporaryFolder());
  const living = temporaryName(join(layout.root, name));
  const dead = living.replace(/tmp-\d+/, 'tmp-99999999');
  mkdirSync(dirname(living), { recursive: true });
  for (const path of [living, dead]) writeFileSync(path, '');
  expect((await reapDeadRuns(layout)).paths).toEqual([dead]);
  expect([living, dead].map((path) => existsSync(path))).toEqual([true, false]);
});

test('a process that took over the number of a dead one is not killed', async () => {
  const layout = new StoreLayout(temporaryFolder());
  const journal = new Journal(layout, RUN);
  const child = spawn('sleep', ['60']);
  const process = identifyProcess(child.pid ?? 0);
  if (process === undefined) throw new Error('no child');
  journal.add({ type: 'process', process: { ...process, startTicks: '2' }, what: 'another' });
  abandon(layout);
  expect((await reapDeadRuns(layout)).processes).toEqual([]);
  expect(child.exitCode).toBe(null);
  child.kill();
});

test('leases are written once each', () => {
  const layout = new StoreLayout(temporaryFolder());
  using journal = new Journal(layout, RUN);
  journal.lease(['a', 'b']);
  journal.lease(['b', 'c']);
  expect(readJournals(layout)[0]?.record.leases).toEqual(['a', 'b', 'c']);
});
