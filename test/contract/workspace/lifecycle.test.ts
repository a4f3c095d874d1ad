import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { LayerStore } from '../../../src/layers/layer-store.ts';
import { SlowRemoval } from '../../rigs/slow-removal.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';
import { eventually, noWorkspace, RULES, WorkspaceRig } from '../../rigs/workspace.ts';

const STOPPER = fileURLToPath(new URL('../../rigs/stop-workspace.ts', import.meta.url));
const HOLDER = fileURLToPath(new URL('../../rigs/hold-workspace.ts', import.meta.url));

describe.skipIf(noWorkspace !== undefined)('the life of a workspace', () => {
  test.each(['SIGKILL', 'SIGTERM'] as const)(
    '%s to imgpipe leaves no process and no mount, and the next run clears up',
    async (signal) => {
      const { holder, store, mark } = await hold();
      await eventually(() => processesWith(mark).length).toBeGreaterThanOrEqual(4);
      holder.kill(signal);
      await eventually(() => processesWith(mark)).toEqual([]);
      await eventually(() => processesWith(store)).toEqual([]);
      await eventually(() => allMounts()).not.toContain(store);
      const { activeDirectory } = new LayerStore(store);
      expect(readdirSync(activeDirectory)).toHaveLength(2);
      const rig = await WorkspaceRig.open(store);
      rig.workspace.warmUp();
      // What is left are the folder and the lock of the new run.
      await eventually(
        () => readdirSync(activeDirectory).filter((name) => !name.endsWith('.lock')).length,
      ).toBe(1);
      await eventually(() => readdirSync(activeDirectory).length).toBe(2);
    },
  );

  test('a living run is never cleared up', async () => {
    const { store, mark } = await hold();
    const before = readdirSync(new LayerStore(store).activeDirectory);
    const rig = await WorkspaceRig.open(store);
    await rig.layer([], 'echo x > x');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(readdirSync(rig.store.activeDirectory)).toEqual(expect.arrayContaining(before));
    expect(processesWith(mark).length).toBeGreaterThanOrEqual(4);
  });

  test('nothing starts before it is needed', async () => {
    const store = join(temporaryFolder(), 'store');
    const rig = await WorkspaceRig.open(store);
    expect(await rig.workspace.glob([], ['/*'])).toEqual([]);
    await rig.workspace[Symbol.asyncDispose]();
    expect(existsSync(store)).toBe(false);
  });

  test('disposing ends what runs, soon', async () => {
    const rig = await WorkspaceRig.open();
    const mark = newMark();
    const running = rig.sh(`trap "" TERM; sleep ${mark}; sleep ${mark}`).catch(() => undefined);
    await eventually(() => processesWith(`sleep ${mark}`).length).toBeGreaterThan(0);
    const began = performance.now();
    await rig.workspace[Symbol.asyncDispose]();
    await running;
    // The promise is two seconds on a machine that has time for it.
    expect(performance.now() - began).toBeLessThan(4000);
    expect(processesWith(mark)).toEqual([]);
  });

  test.each([
    ['which the next run leaves it to', false],
    ['and when that is killed too, by the next run', true],
  ])('a layer that takes long to delete is deleted behind imgpipe, %s', async (_, killed) => {
    const slow = new SlowRemoval(temporaryFolder());
    const store = join(temporaryFolder(), 'store');
    const { activeDirectory } = new LayerStore(store);
    execFileSync(process.execPath, [STOPPER, store], { env: { ...process.env, PATH: slow.path } });
    const group = await slow.waiting();
    const left = readdirSync(activeDirectory);
    expect(left).toHaveLength(2);
    if (killed) process.kill(-group, 'SIGKILL');
    await eventually(() => processesWith(store)).toEqual(
      killed ? [] : expect.arrayContaining([expect.stringContaining('rm -rf')]),
    );
    const rig = await WorkspaceRig.open(store);
    await rig.layer([], 'echo x > x');
    await rig.workspace.settle();
    const after = readdirSync(activeDirectory);
    expect(after).toHaveLength(killed ? 2 : 4);
    slow.letGo();
    await eventually(() => readdirSync(activeDirectory).filter((name) => left.includes(name))).toEqual([]);
    await eventually(() => processesWith(left[0] ?? '')).toEqual([]);
  });

  test('an abort ends programs and refuses new work as aborted', async () => {
    const abort = new AbortController();
    const rig = await WorkspaceRig.open(undefined, abort.signal);
    const mark = newMark();
    const active = await rig.workspace.activate([]);
    const running = rig.sh(`sleep ${mark}`);
    await eventually(() => processesWith(`sleep ${mark}`).length).toBeGreaterThan(0);
    abort.abort();
    expect((await running).outcome).toEqual({ type: 'signaled', signal: 'SIGTERM' });
    await expect(rig.workspace.activate([])).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
    await rig.workspace.discard(active);
  });

  test('a missing program and a missing tool are expected failures', async () => {
    const rig = await WorkspaceRig.open();
    const spawned = rig.workspace.spawn({
      argv: ['no-such-tool'],
      env: {},
      signal: new AbortController().signal,
      onOutput: () => undefined,
    });
    await expect(spawned).rejects.toMatchObject({
      failures: [{ reason: 'tool-missing', message: 'no-such-tool is not installed' }],
    });
  });

  test('a full disk is an expected failure, and no layer appears', async () => {
    const rig = await WorkspaceRig.open();
    const store = join(rig.workspace.storeDirectory, 'small');
    mkdirSync(store, { recursive: true });
    // Only a process in the namespaces of the first workspace sees the small file system.
    await rig.sh(`mount -t tmpfs -o size=2m tmpfs ${store}`);
    const { output } = await rig.sh(
      `${process.execPath} --input-type=module -e '${FULL_DISK}' ${store}`,
      process.cwd(),
    );
    expect(output).toContain('disk-full');
    expect((await rig.sh(`ls ${store}/layers || true`)).output).not.toMatch(/[0-9a-f]{64}/);
  });

  test('output is not lost or torn, however much there is', async () => {
    const rig = await WorkspaceRig.open();
    const { output } = await rig.sh(
      'i=0; while [ $i -lt 200 ]; do printf "%1000s\\u00e4\\n" é; i=$((i+1)); done',
    );
    expect(output.split('\n').filter((line) => line.includes('é')).length).toBe(200);
    expect(output).not.toContain('\uFFFD');
    const big = await rig.sh('head -c 20000000 /dev/zero | tr "\\0" x');
    expect(big.output.length).toBe(20_000_000);
  });

  test('a daemon left behind by a program is ended before the commit', async () => {
    const rig = await WorkspaceRig.open();
    const mark = newMark();
    const base = await rig.layer([], 'echo x > f');
    for (const view of [[], [base]]) {
      const layer = await rig.layer(view, `(setsid sleep ${mark} >> grows 2>&1 &); echo y > y`);
      expect(await rig.workspace.verify(layer.digest)).toBe('intact');
      expect(processesWith(`sleep ${mark}`)).toEqual([]);
    }
  });

  test('the death of the helper is told, not waited for', async () => {
    const rig = await WorkspaceRig.open();
    const mark = newMark();
    const running = rig.sh(`sleep ${mark}`);
    await eventually(() => processesWith(`sleep ${mark}`).length).toBeGreaterThan(0);
    const helper = eachProcess((pid) => `${pid} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8')}`).find(
      (line) => line.includes(rig.workspace.storeDirectory) && line.includes('unshare'),
    );
    process.kill(Number(helper?.split(' ')[0]), 'SIGKILL');
    await expect(running).rejects.toThrow("the workspace's helper process ended");
    await expect(rig.workspace.activate([])).rejects.toThrow("the workspace's helper process ended");
    await eventually(() => processesWith(mark)).toEqual([]);
  });

  test('a layer that is missing or damaged is an expected failure', async () => {
    const rig = await WorkspaceRig.open();
    const layer = await rig.layer([], 'echo x > f');
    const { writeFileSync } = await import('node:fs');
    writeFileSync(join(rig.store.layerDirectory(layer.digest), 'manifest'), 'rubbish');
    const other = await WorkspaceRig.open(rig.workspace.storeDirectory);
    await expect(other.workspace.glob([layer], ['/*'])).rejects.toMatchObject({
      failures: [{ reason: 'store-invalid' }],
    });
    await rig.workspace.remove(rig.store.layerDirectory(layer.digest));
    await expect(other.workspace.activate([layer])).rejects.toMatchObject({
      failures: [{ reason: 'store-invalid' }],
    });
  });

  test('a shell of the user can enter', async () => {
    const rig = await WorkspaceRig.open();
    const active = await rig.filled([await rig.layer([], 'echo inside > f')], 'true');
    const [program = '', ...args] = await rig.workspace.enterCommand(['cat', `${active.mountPoint}/f`]);
    expect(execFileSync(program, args, { encoding: 'utf8' })).toBe('inside\n');
    await rig.workspace.commit(active, RULES);
  });
});

const FULL_DISK = `
  import { openWorkspace } from "./src/layers/overlayfs/overlay-workspace.ts";
  const workspace = await openWorkspace({ storeDirectory: process.argv[1] });
  const content = { type: "text", text: "x".repeat(3000000) };
  const entries = [{ type: "file", path: "/f", mode: 420, owner: 0, group: 0, content }];
  const rules = { sourceDateEpoch: 0, drop: [] };
  try {
    await workspace.writeLayer(entries, await workspace.placementFacts([], entries), rules);
  } catch (error) { console.log(error.failures[0].reason); }
  await workspace[Symbol.asyncDispose]();
`.replaceAll('\n', ' ');

interface Held {
  readonly holder: ChildProcess;
  readonly store: string;
  readonly mark: string;
}

/** A process that has a workspace open with programs in it. */
async function hold(): Promise<Held> {
  const store = join(temporaryFolder(), 'store');
  const mark = newMark();
  const holder = spawn(process.execPath, [HOLDER, store, mark], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void holder.kill('SIGKILL'));
  await new Promise<void>((resolve) => holder.stdout.once('data', () => resolve()));
  await eventually(() => processesWith(`sleep ${mark}`).length).toBeGreaterThanOrEqual(4);
  return { holder, store, mark };
}

/** A number of seconds that no other process sleeps. */
function newMark(): string {
  return String(1_000_000 + Math.floor(Math.random() * 1_000_000_000));
}

/** Command lines of living processes that hold a text. */
function processesWith(text: string): string[] {
  return eachProcess((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')).filter(
    (line) => line.includes(text) && !line.includes('hold-workspace.ts'),
  );
}

/** All mounts of all mount namespaces. */
function allMounts(): string {
  return eachProcess((pid) => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')).join('');
}

function eachProcess(read: (pid: string) => string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return [read(pid)];
      } catch {
        return [];
      }
    });
}
