import { createServer, connect as connectSocket, type AddressInfo } from 'node:net';
import { existsSync, writeFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { SshTarget } from '../../../src/communicators/ssh/ssh-target.ts';
import type { OutputChunk } from '../../../src/util/exec.ts';
import { startCuttingProxy } from '../../rigs/cutting-proxy.ts';
import { communicateWith, failure, keyless, targetOf } from '../../rigs/ssh-target.ts';
import { isRoot, noSshd, PASSWORD, startSshd, TESTER } from '../../rigs/sshd.ts';

describe.skipIf(noSshd)('commands over OpenSSH', () => {
  it('give their output as it comes, and their exit code', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    const chunks: (OutputChunk & { readonly at: number })[] = [];
    const outcome = await ssh.run({
      command:
        'echo first; echo to stderr >&2; sleep 0.5; printf "l\\303"; sleep 0.2; printf "\\244st"; exit 7',
      onOutput: (chunk) => void chunks.push({ ...chunk, at: performance.now() }),
    });
    expect(outcome).toEqual({ type: 'exited', code: 7 });
    const text = (stream: string): string =>
      chunks
        .filter((chunk) => chunk.stream === stream)
        .map(({ text }) => text)
        .join('');
    // A character that is cut in two is put together again.
    expect(text('stdout')).toBe('first\nläst');
    expect(text('stderr')).toBe('to stderr\n');
    expect((chunks.at(-1)?.at ?? 0) - (chunks[0]?.at ?? 0)).toBeGreaterThan(400);
  });

  it('tell the signal that ended them', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    const outcome = await ssh.run({ command: 'kill -SEGV $$', onOutput: () => {} });
    expect(outcome).toEqual({ type: 'signaled', signal: 'SIGSEGV' });
  });

  it('take input, as text and as a stream', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    expect((await ssh.exec('cat', { stdin: 'täxt' })).stdout).toBe('täxt');
    const stdin = Readable.from(Array.from({ length: 1000 }, () => Buffer.alloc(1000, 'x')));
    expect((await ssh.exec('wc -c', { stdin })).stdout.trim()).toBe('1000000');
    // Nothing to read is the end, not a wait for ever.
    expect((await ssh.exec('cat')).code).toBe(0);
    // A program need not read.
    expect((await ssh.exec('exit 3', { stdin: 'x'.repeat(5_000_000) })).code).toBe(3);
  });

  it('have a terminal when they are to have one', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    expect((await ssh.exec('test -t 1 || echo no terminal')).stdout).toBe('no terminal\n');
    expect((await ssh.exec('test -t 1 && stty size', { pty: true })).stdout).toBe('40 80\r\n');
  });

  it('are not read faster than their output is taken', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    let [bytes, open, most] = [0, 0, 0];
    const outcome = await ssh.run({
      command: 'head -c 1000000 /dev/zero',
      onOutput: async ({ text }) => {
        open += 1;
        most = Math.max(most, open);
        await sleep(1);
        bytes += text.length;
        open -= 1;
      },
    });
    expect(outcome).toEqual({ type: 'exited', code: 0 });
    expect(bytes).toBe(1_000_000);
    expect(most).toBeLessThan(5);
  });

  it('end with their time although the server delivers no signals', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    const outcome = await ssh.run({ command: 'exec sleep 5', timeoutMs: 300, onOutput: () => {} });
    expect(outcome).toEqual({ type: 'timed-out', afterMs: 300 });
    expect((await ssh.exec('echo well')).stdout).toBe('well\n');
  });

  // OpenSSH delivers signals only where it has separated its rights, so not to root.
  it.skipIf(!isRoot)('are killed with their time, and with the run', async () => {
    const server = await startSshd();
    const abort = new AbortController();
    const tester = { user: TESTER, password: PASSWORD };
    const ssh = await communicateWith(keyless(server, tester), { signal: abort.signal });
    const file = `${server.folder}/home/pid`;
    const lives = async (): Promise<string> =>
      (await other.exec(`kill -0 $(cat ${file}) 2>/dev/null && echo lives || echo dead`)).stdout.trim();
    const other = await communicateWith(targetOf(server));
    const sleeper = `echo $$ >${file}; exec sleep 60`;
    expect(await ssh.run({ command: sleeper, timeoutMs: 500, onOutput: () => {} })).toEqual({
      type: 'timed-out',
      afterMs: 500,
    });
    await expect.poll(lives, { timeout: 10_000 }).toBe('dead');
    // Even one that does not want to.
    const stubborn = `echo $$ >${file}; trap "" TERM; echo started; while :; do sleep 0.1; done`;
    const outcome = await ssh.run({ command: stubborn, onOutput: () => abort.abort() });
    expect(outcome.type).toMatch(/signaled/);
    await expect.poll(lives, { timeout: 10_000 }).toBe('dead');
  });

  it('run side by side on one connection, and again after it broke', async () => {
    const server = await startSshd();
    const proxy = await startCuttingProxy(server.port);
    const ssh = await communicateWith(targetOf(server, { port: proxy.port }));
    const outputs = await Promise.all(['a', 'b', 'c'].map((word) => ssh.exec(`sleep 0.2; echo ${word}`)));
    expect(outputs.map(({ stdout }) => stdout)).toEqual(['a\n', 'b\n', 'c\n']);
    expect(proxy.connections()).toBe(1);
    const running = ssh.run({ command: 'echo started; sleep 60', onOutput: proxy.cut });
    expect(await running).toEqual({ type: 'disconnected' });
    const again = await Promise.all([ssh.exec('echo again'), ssh.exec('echo again')]);
    expect(again.map(({ stdout }) => stdout)).toEqual(['again\n', 'again\n']);
    expect(proxy.connections()).toBe(2);
    setTimeout(proxy.cut, 300);
    await expect(ssh.exec('sleep 60')).rejects.toMatchObject(
      failure('communicator-failed', /connection broke during sleep 60/),
    );
  });

  it('fail when the server stalls: by keep-alive, and by the limit of silence', async () => {
    const server = await startSshd();
    const stall = async (limit: Partial<SshTarget>): Promise<void> => {
      const proxy = await startCuttingProxy(server.port);
      const ssh = await communicateWith(targetOf(server, { port: proxy.port, ...limit }));
      expect((await ssh.exec('echo well')).stdout).toBe('well\n');
      setTimeout(proxy.stall, 100);
      const began = performance.now();
      await expect(ssh.exec('sleep 60')).rejects.toMatchObject(
        failure('communicator-failed', /Keepalive timeout|silent for 2\.5 s/),
      );
      expect(performance.now() - began).toBeLessThan(10_000);
    };
    await Promise.all([stall({ keepAliveMs: 200 }), stall({ idleTimeoutMs: 2500 })]);
  });

  it('fail at once when the server is known to be gone, though it says nothing', async () => {
    const server = await startSshd();
    const proxy = await startCuttingProxy(server.port);
    const ssh = await communicateWith(targetOf(server, { port: proxy.port, keepAliveMs: 0 }));
    await ssh.exec('true');
    const waiting = ssh.exec('sleep 600');
    setTimeout(() => {
      proxy.stall();
      ssh.drop();
    }, 200);
    await expect(waiting).rejects.toMatchObject(failure('communicator-failed', /connection broke/));
  });

  it('are not cut off in a long silence while keep-alives are answered', async () => {
    const server = await startSshd();
    const ssh = await communicateWith(targetOf(server, { keepAliveMs: 300, idleTimeoutMs: 1500 }));
    expect((await ssh.exec('sleep 2.5; echo done')).stdout).toBe('done\n');
  });
});

describe.skipIf(noSshd || !isRoot)('a reboot', () => {
  const options = (command: string) => ({ command, timeoutMs: 20_000 });

  it('is proven by another boot id', async () => {
    const server = await startSshd();
    const proxy = await startCuttingProxy(server.port);
    const ssh = await communicateWith(targetOf(server, { port: proxy.port }));
    const sign = `${server.folder}/rebooting`;
    const rebooting = ssh.reboot(options(`touch ${sign}; sleep 60`));
    await expect.poll(() => existsSync(sign), { timeout: 8000 }).toBe(true);
    // Down: connections break and are refused; then up again as another boot.
    proxy.refuse(true);
    proxy.cut();
    await sleep(700);
    writeFileSync(server.bootIdFile, 'the-second-boot\n');
    proxy.refuse(false);
    const proof = await rebooting;
    expect(proof).toMatchObject({ before: 'the-first-boot', after: 'the-second-boot' });
    expect(proof.durationMs).toBeGreaterThan(700);
    expect((await ssh.exec('echo back')).stdout).toBe('back\n');
  });

  it('that was none is found out', async () => {
    const ssh = await communicateWith(targetOf(await startSshd()));
    await expect(ssh.reboot({ command: 'true', timeoutMs: 1500 })).rejects.toMatchObject(
      failure('communicator-failed', /answers but has not rebooted within 1\.5 s/),
    );
    await expect(ssh.reboot(options('exit 4'))).rejects.toMatchObject(
      failure('communicator-failed', /does not reboot: "exit 4" exited with 4/),
    );
  });
});

describe.skipIf(noSshd)('tunnels', () => {
  /** Answers each line with itself in capitals. */
  async function startEcho(): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => socket.write(data.toString().toUpperCase()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return (server.address() as AddressInfo).port;
  }

  const shout = (port: number): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connectSocket(port, '127.0.0.1', () => socket.write('hello'));
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed')));
      socket.once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
    });

  it('lead from here to there, from there to here, and are opened again with the connection', async () => {
    const server = await startSshd();
    const proxy = await startCuttingProxy(server.port);
    const echo = await startEcho();
    const { findFreePorts } = await import('../../../src/util/free-port.ts');
    const [local = 0, remote = 0] = await findFreePorts(2);
    const to = { host: '127.0.0.1', hostPort: echo };
    const ssh = await communicateWith(targetOf(server, { port: proxy.port }), {
      localTunnels: [{ port: local, ...to }],
      remoteTunnels: [{ port: remote, ...to }],
    });
    expect(await shout(local)).toBe('HELLO');
    expect(await shout(remote)).toBe('HELLO');
    proxy.cut();
    await expect(shout(local)).rejects.toThrow();
    await ssh.exec('true');
    expect(await shout(local)).toBe('HELLO');
    expect(await shout(remote)).toBe('HELLO');
  });

  it('say which side could not listen', async () => {
    const server = await startSshd();
    const to = { host: '127.0.0.1', hostPort: 1 };
    await expect(
      communicateWith(targetOf(server), { localTunnels: [{ port: server.port, ...to }] }),
    ).rejects.toMatchObject(failure('communicator-failed', /at port \d+ here: .*EADDRINUSE/));
    const strict = await startSshd({ config: ['AllowTcpForwarding local'] });
    await expect(
      communicateWith(targetOf(strict), { remoteTunnels: [{ port: 0, ...to }] }),
    ).rejects.toMatchObject(failure('communicator-failed', /at port 0 on .*127\.0\.0\.1/));
  });
});
