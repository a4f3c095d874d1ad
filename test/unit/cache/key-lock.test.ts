import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquireLock } from '../../../src/cache/key-lock.ts';
import { identifyProcess } from '../../../src/util/process-identity.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const signal = new AbortController().signal;

test('one holder at a time, in the end everyone', async () => {
  const path = join(temporaryFolder(), 'lock.json');
  let inside = 0;
  let most = 0;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      using _lock = await acquireLock(path, { signal, pollMs: 1 });
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((done) => setTimeout(done, 3));
      inside -= 1;
    }),
  );
  expect(most).toBe(1);
  expect(existsSync(path)).toBe(false);
});

test('says once for whom it waits', async () => {
  const path = join(temporaryFolder(), 'lock.json');
  const first = await acquireLock(path, { signal });
  const waits: number[] = [];
  const second = acquireLock(path, { signal, pollMs: 1, onWait: (pid) => waits.push(pid) });
  await new Promise((done) => setTimeout(done, 20));
  first[Symbol.dispose]();
  using _lock = await second;
  expect(waits).toEqual([process.pid]);
});

test('takes over the lock of a dead process', async () => {
  const path = join(temporaryFolder(), 'lock.json');
  const child = spawn('sleep', ['60']);
  writeFileSync(path, JSON.stringify(identifyProcess(child.pid ?? 0)));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const waits: number[] = [];
  using _lock = await acquireLock(path, { signal, pollMs: 1, onWait: (pid) => waits.push(pid) });
  expect(waits).toEqual([]);
});

test('a number used again by another process is not the holder', async () => {
  const path = join(temporaryFolder(), 'lock.json');
  writeFileSync(path, JSON.stringify({ ...identifyProcess(process.pid), startTicks: '1' }));
  const waits: number[] = [];
  using _lock = await acquireLock(path, { signal, pollMs: 1, onWait: (pid) => waits.push(pid) });
  expect(waits).toEqual([]);
});

test('a damaged lock file holds nobody up', async () => {
  const path = join(temporaryFolder(), 'lock.json');
  writeFileSync(path, '{"pid":');
  using lock = await acquireLock(path, { signal, pollMs: 1 });
  expect(lock).toBeDefined();
});

test('waiting ends when the run is cancelled', async () => {
  const path = join(temporaryFolder(), 'lock.json');
  using _first = await acquireLock(path, { signal });
  const abort = new AbortController();
  const second = acquireLock(path, { signal: abort.signal, pollMs: 1 });
  abort.abort();
  await expect(second).rejects.toThrow();
});
