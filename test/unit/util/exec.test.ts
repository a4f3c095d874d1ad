import { describe, expect, test } from 'vitest';
import { runHostCommand, shellExitCode, SpawnError, type HostCommand } from '../../../src/util/exec.ts';
import { LineSplitter } from '../../../src/util/line-splitter.ts';

const env = { PATH: process.env['PATH'] ?? '' };

async function run(
  script: string,
  more: Partial<HostCommand> = {},
): Promise<{ outcome: Awaited<ReturnType<typeof runHostCommand>>; out: string; err: string }> {
  const text = { stdout: '', stderr: '' };
  const outcome = await runHostCommand({
    argv: ['sh', '-c', script],
    env,
    signal: new AbortController().signal,
    onOutput: (chunk) => {
      text[chunk.stream] += chunk.text;
    },
    ...more,
  });
  return { outcome, out: text.stdout, err: text.stderr };
}

describe('running a program of the host', () => {
  test('streams, input, environment and exit code', async () => {
    const { outcome, out, err } = await run('cat; cat <&3; cat <&4; echo $A-$HOME >&2; exit 3', {
      stdin: 'in ',
      inputs: ['three ', 'four'],
      env: { ...env, A: 'a' },
    });
    expect({ outcome, out, err }).toEqual({
      outcome: { type: 'exited', code: 3 },
      out: 'in three four',
      err: 'a-\n',
    });
  });

  test('a program that does not read its input does no harm', async () => {
    expect(
      (await run('exit 0', { stdin: 'x'.repeat(1_000_000), inputs: ['y'.repeat(1_000_000)] })).outcome,
    ).toEqual({ type: 'exited', code: 0 });
  });

  test('a signal, a timeout and an abort are told apart', async () => {
    expect((await run('kill -KILL $$')).outcome).toEqual({ type: 'signaled', signal: 'SIGKILL' });
    expect((await run('sleep 60', { timeoutMs: 50 })).outcome).toEqual({ type: 'timed-out', afterMs: 50 });
    const signal = AbortSignal.timeout(50);
    expect((await run('sleep 60', { signal })).outcome).toEqual({ type: 'signaled', signal: 'SIGTERM' });
    expect((await run('echo never', { signal })).out).toBe('');
  });

  test('what does not listen to SIGTERM is killed with its children', async () => {
    const began = performance.now();
    const { outcome } = await run('trap "" TERM; sleep 61 & while :; do sleep 0.05; done', { timeoutMs: 50 });
    expect(outcome.type).toBe('timed-out');
    expect(performance.now() - began).toBeGreaterThan(900);
    expect(performance.now() - began).toBeLessThan(5000);
    expect((await run('ps -eo args | grep "^sleep 61" || echo none')).out.trim()).toBe('none');
  });

  test('a program left behind does not hold the end up', async () => {
    const began = performance.now();
    expect((await run('setsid sleep 3 & echo out')).out).toBe('out\n');
    expect(performance.now() - began).toBeLessThan(2500);
  });

  test('no more output is read while the reader is busy', async () => {
    let busy = 0;
    let most = 0;
    await run('head -c 3000000 /dev/zero', {
      onOutput: async () => {
        busy += 1;
        most = Math.max(most, busy);
        await new Promise((resolve) => setTimeout(resolve, 1));
        busy -= 1;
      },
    });
    expect(most).toBeLessThanOrEqual(2);
  });

  test('a program that does not exist', async () => {
    await expect(run('', { argv: ['no-such-program'] })).rejects.toMatchObject({
      name: 'SpawnError',
      code: 'ENOENT',
      program: 'no-such-program',
    });
    await expect(run('', { argv: ['no-such-program'] })).rejects.toBeInstanceOf(SpawnError);
  });

  test('exit codes as a shell gives them', () => {
    expect(shellExitCode({ type: 'exited', code: 5 })).toBe(5);
    expect(shellExitCode({ type: 'signaled', signal: 'SIGTERM' })).toBe(143);
    expect(shellExitCode({ type: 'timed-out', afterMs: 1 })).toBe(124);
  });
});

describe('splitting lines', () => {
  test('pieces become whole lines, and the rest comes at the end', () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (const piece of ['a', 'b\nc\r', '\n', '\nd']) splitter.push(piece);
    expect(lines).toEqual(['ab', 'c', '']);
    splitter.end();
    splitter.end();
    expect(lines).toEqual(['ab', 'c', '', 'd']);
  });
});
