import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { acquireLock } from '../../../src/cache/key-lock.ts';
import {
  holderSchema,
  isHolderAlive,
  removeStalePresences,
  showPresence,
} from '../../../src/cache/presence.ts';
import { isStaleTemporary, temporaryName } from '../../../src/util/temporary-name.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const PRESENCE = fileURLToPath(new URL('../../../src/cache/presence.ts', import.meta.url));
/** Program that shows its presence and prints itself as a holder. */
const SHOW = `import { showPresence } from ${JSON.stringify(PRESENCE)};
console.log(JSON.stringify(showPresence(process.argv[1]).holder)); setInterval(() => {}, 1000);`;

/** A process in a PID namespace of its own, as in another container. */
async function container(folder: string) {
  const child = spawn(
    'unshare',
    ['--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, '--input-type=module', '-e', SHOW, folder],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, holder: holderSchema.parse(JSON.parse(line.toString())) };
}

const signal = new AbortController().signal;

test('a process of this namespace is looked up, and leaves no file', () => {
  const folder = temporaryFolder();
  const outer = showPresence(folder);
  const inner = showPresence(folder);
  expect(inner.holder).toEqual(outer.holder);
  expect(isHolderAlive(folder, outer.holder)).toBe(true);
  expect(isHolderAlive(folder, { ...outer.holder, startTicks: '1' })).toBe(false);
  inner[Symbol.dispose]();
  expect(removeStalePresences(folder)).toEqual([]);
  expect(readdirSync(folder)).toHaveLength(1);
  outer[Symbol.dispose]();
  expect(readdirSync(folder)).toEqual([]);
});

test.skipIf(process.geteuid?.() !== 0)('a process of another PID namespace lives until it ends', async () => {
  const folder = temporaryFolder();
  const { child, holder } = await container(folder);
  expect(holder.namespace).not.toBe(showPresenceNamespace(folder));
  expect(isHolderAlive(folder, holder)).toBe(true);
  expect(removeStalePresences(folder)).toEqual([]);
  // Its lock is not taken over, though no process here has its number and start.
  const path = join(folder, 'key.json');
  writeFileSync(path, JSON.stringify(holder));
  const waits: number[] = [];
  const waiting = acquireLock(path, { signal, pollMs: 10, onWait: (pid) => waits.push(pid) });
  await expect.poll(() => waits).toEqual([holder.pid]);
  child.kill('SIGKILL');
  using _lock = await waiting;
  expect(isHolderAlive(folder, holder)).toBe(false);
  expect(removeStalePresences(folder)).toEqual([join(folder, holder.presence ?? '')]);
});

test('a half-written file of another namespace is left alone for a day', () => {
  const path = temporaryName(join(temporaryFolder(), 'x')).replace(/-[0-9a-z]+(-[0-9a-f]+)$/, '-zzz$1');
  writeFileSync(path, '');
  expect(isStaleTemporary(path)).toBe(false);
  const before = Date.now() / 1000 - 90_000;
  utimesSync(path, before, before);
  expect(isStaleTemporary(path)).toBe(true);
  expect(existsSync(path)).toBe(true);
});

function showPresenceNamespace(folder: string): string | undefined {
  using own = showPresence(folder);
  return own.holder.namespace;
}
