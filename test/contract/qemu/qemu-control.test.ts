import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { parseBootCommand, toKeyEvents } from '../../../src/builders/qemu/boot-command.ts';
import { QmpClient, QmpError, type QmpEvent } from '../../../src/builders/qemu/qmp-client.ts';
import { VncKeyboard } from '../../../src/builders/qemu/vnc-keyboard.ts';
import { failure } from '../../rigs/ssh-target.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const QEMU = '/usr/bin/qemu-system-x86_64';
const signal = new AbortController().signal;

interface Started {
  readonly child: ChildProcess;
  readonly folder: string;
  readonly qmp: string;
}

/** QEMU with a processor that does not run yet: its devices take keys all the same. */
async function startQemu(...more: string[]): Promise<Started> {
  const folder = temporaryFolder();
  const qmp = join(folder, 'qmp');
  const machine = ['-accel', 'tcg', '-machine', 'pc', '-m', '32', '-S', '-nodefaults', '-display', 'none'];
  const control = ['-qmp', `unix:${qmp},server=on,wait=off`];
  const child = spawn(QEMU, [...machine, ...control, ...more], { cwd: folder, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const sockets = more.includes('-vnc') ? [qmp, join(folder, 'vnc')] : [qmp];
  await expect.poll(() => sockets.every((path) => existsSync(path)), { timeout: 20_000 }).toBe(true);
  return { child, folder, qmp };
}

async function control(path: string): Promise<QmpClient> {
  const client = await QmpClient.connect(path);
  onTestFinished(() => client[Symbol.asyncDispose]());
  return client;
}

const status = z.object({ status: z.string(), running: z.boolean() });

describe.skipIf(!existsSync(QEMU))('QMP', () => {
  it('runs commands, side by side, and tells events', async () => {
    const { qmp } = await startQemu();
    const client = await control(qmp);
    expect(client.version.major).toBeGreaterThanOrEqual(6);
    const answers = await Promise.all([
      client.execute('query-status', status),
      client.execute('query-name', z.object({ name: z.string().optional() })),
      client.execute('query-status', status),
    ]);
    expect(answers[0]).toEqual({ status: 'prelaunch', running: false });
    const events: QmpEvent[] = [];
    client.onEvent((event) => events.push(event));
    const resumed = client.waitFor('RESUME', 5000);
    await client.execute('cont', z.unknown());
    expect((await resumed).name).toBe('RESUME');
    expect(events.map(({ name }) => name)).toContain('RESUME');
    expect((await client.execute('query-status', status)).running).toBe(true);
  });

  it('says what QEMU refused, and what it did not understand itself', async () => {
    const client = await control((await startQemu()).qmp);
    await expect(client.execute('no-such-command', z.unknown())).rejects.toThrow(QmpError);
    await expect(client.execute('no-such-command', z.unknown())).rejects.toMatchObject({
      kind: 'CommandNotFound',
    });
    await expect(client.execute('query-status', z.string())).rejects.toMatchObject(
      failure('communicator-failed', /query-status was answered with \{/),
    );
    await expect(client.waitFor('SHUTDOWN', 50)).rejects.toMatchObject(
      failure('communicator-failed', /no SHUTDOWN within/),
    );
  });

  it('fails what waits when QEMU dies, and all that comes after', async () => {
    const { child, qmp } = await startQemu();
    const client = await control(qmp);
    const waiting = client.waitFor('SHUTDOWN', 20_000);
    child.kill('SIGKILL');
    await expect(waiting).rejects.toMatchObject(failure('communicator-failed', /QEMU ended before SHUTDOWN/));
    await expect(client.execute('query-status', status)).rejects.toMatchObject(
      failure('communicator-failed', /QEMU ended/),
    );
  });

  it('does not take something else for QEMU', async () => {
    const path = join(temporaryFolder(), 'other');
    const server = createServer((socket) => void socket.write('220 hello\r\n'));
    await new Promise<void>((resolve) => server.listen(path, resolve));
    onTestFinished(() => void server.close());
    await expect(QmpClient.connect(path)).rejects.toMatchObject(
      failure('communicator-failed', /what answers is not QEMU/),
    );
    await expect(QmpClient.connect(`${path}2`)).rejects.toMatchObject(
      failure('communicator-failed', /ENOENT/),
    );
  });
});

describe.skipIf(!existsSync(QEMU))('the keyboard over VNC', () => {
  const trace = ['-trace', 'vnc_key_event_map', '-D', 'trace.log'];
  const typed = (folder: string): string[] =>
    [...readFileSync(join(folder, 'trace.log'), 'utf8').matchAll(/down (\d), sym 0x([0-9a-f]+)/g)].map(
      ([, down, sym]) => `${down === '1' ? '+' : '-'}${sym}`,
    );

  it('types into QEMU what boot_command says', async () => {
    const { folder } = await startQemu('-vnc', 'unix:vnc', ...trace);
    await using keyboard = await VncKeyboard.connect({ path: join(folder, 'vnc') }, { signal });
    const events = toKeyEvents(parseBootCommand('aB<enter><leftCtrlOn>c<leftCtrlOff>'));
    await keyboard.type(events, { intervalMs: 2, signal });
    const expected = '+61 -61 +ffe1 +42 -42 -ffe1 +ff0d -ff0d +ffe3 +63 -63 -ffe3';
    await expect.poll(() => typed(folder).join(' ')).toBe(expected);
  });

  it('logs in with a password', async () => {
    const { folder, qmp } = await startQemu('-vnc', 'unix:vnc,password=on', ...trace);
    const client = await control(qmp);
    await client.execute('set_password', z.unknown(), { protocol: 'vnc', password: 'pass1234' });
    const at = { path: join(folder, 'vnc') };
    await expect(VncKeyboard.connect(at, { signal })).rejects.toMatchObject(
      failure('communicator-failed', /wants a password/),
    );
    await expect(VncKeyboard.connect(at, { signal, password: 'wrong' })).rejects.toMatchObject(
      failure('communicator-failed', /VNC: .*(failed|closed)/i),
    );
    await using keyboard = await VncKeyboard.connect(at, { signal, password: 'pass1234' });
    await keyboard.type(toKeyEvents(parseBootCommand('x')), { intervalMs: 1, signal });
    await expect.poll(() => typed(folder)).toEqual(['+78', '-78']);
  });

  it('says when the machine goes, and stops with the run', async () => {
    const { child, folder } = await startQemu('-vnc', 'unix:vnc');
    const abort = new AbortController();
    await using keyboard = await VncKeyboard.connect({ path: join(folder, 'vnc') }, { signal });
    setTimeout(() => abort.abort(), 100);
    const waiting = toKeyEvents(parseBootCommand('<wait60>'));
    await expect(keyboard.type(waiting, { intervalMs: 1, signal: abort.signal })).rejects.toMatchObject(
      failure('aborted', /stopped/),
    );
    child.kill('SIGKILL');
    const many = toKeyEvents(parseBootCommand('x'.repeat(500)));
    await expect(keyboard.type(many, { intervalMs: 2, signal })).rejects.toMatchObject(
      failure('communicator-failed', /VNC/),
    );
  });
});
