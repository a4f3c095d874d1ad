import type { AddressInfo } from 'node:net';
import ssh2 from 'ssh2';
import { describe, expect, it, onTestFinished } from 'vitest';
import { makeSshKey } from '../../../src/communicators/ssh/ssh-key.ts';
import { connectSsh, type SshSession } from '../../../src/communicators/ssh/ssh-session.ts';

/** An SSH server in this process: lets one key in and answers four commands. */
async function startServer(publicKey: string): Promise<number> {
  const hostKey = await makeSshKey('host');
  const allowed = ssh2.utils.parseKey(publicKey);
  if (allowed instanceof Error) throw allowed;
  const server = new ssh2.Server({ hostKeys: [hostKey.privateKey] }, (client) => {
    client.on('error', () => undefined);
    client.on('authentication', (context) => {
      const mine = context.method === 'publickey' && context.key.data.equals(allowed.getPublicSSH());
      if (mine && context.username === 'root') context.accept();
      else context.reject(['publickey']);
    });
    client.on('session', (accept) => {
      accept().on('exec', (acceptExec, rejectExec, { command }) => {
        if (command === 'refused') return rejectExec();
        const channel = acceptExec();
        if (command === 'hang') return;
        if (command === 'break') return void client.end();
        channel.write('to stdout: ä\n');
        channel.stderr.write('to stderr\n');
        channel.exit(command === 'fail' ? 3 : 0);
        channel.end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function session(): Promise<SshSession> {
  const key = await makeSshKey('test');
  const target = {
    host: '127.0.0.1',
    port: await startServer(key.publicKey),
    user: 'root',
    privateKey: key.privateKey,
  };
  const connected = await connectSsh(target, {
    signal: new AbortController().signal,
    deadline: performance.now() + 10_000,
  });
  onTestFinished(() => connected[Symbol.asyncDispose]());
  return connected;
}

describe('SSH', () => {
  it('runs commands one after the other and at the same time', async () => {
    const ssh = await session();
    const good = { code: 0, stdout: 'to stdout: ä\n', stderr: 'to stderr\n' };
    expect(await ssh.exec('true')).toEqual(good);
    expect(await Promise.all([ssh.exec('true'), ssh.exec('fail')])).toEqual([good, { ...good, code: 3 }]);
  });

  it.each([
    ['refused', /refused/],
    ['break', /connection broke/],
  ])('says what happened to a command that is answered with %s', async (command, message) => {
    const ssh = await session();
    await expect(ssh.exec(command)).rejects.toMatchObject({
      failures: [{ reason: 'communicator-failed', message: expect.stringMatching(message) as string }],
    });
  });

  it('does not wait longer than told', async () => {
    const ssh = await session();
    await expect(ssh.exec('hang', { timeoutMs: 100 })).rejects.toMatchObject({
      failures: [{ message: expect.stringContaining('no answer within 0.1 s') as string }],
    });
  });

  it('does not get in with another key, and gives up at the deadline', async () => {
    const [mine, other] = [await makeSshKey('a'), await makeSshKey('b')];
    const target = {
      host: '127.0.0.1',
      port: await startServer(mine.publicKey),
      user: 'root',
      privateKey: other.privateKey,
    };
    const retries: string[] = [];
    const options = {
      signal: new AbortController().signal,
      deadline: performance.now() + 1500,
      onRetry: (why: string) => void retries.push(why),
    };
    await expect(connectSsh(target, options)).rejects.toMatchObject({
      failures: [{ reason: 'communicator-failed' }],
    });
    expect(retries[0]).toBe('the server refused the key; it takes publickey');
  });

  it('stops trying when the run stops', async () => {
    const key = await makeSshKey('a');
    const abort = new AbortController();
    const target = { host: '127.0.0.1', port: 1, user: 'root', privateKey: key.privateKey };
    const tries = connectSsh(target, {
      signal: abort.signal,
      deadline: performance.now() + 60_000,
      onRetry: () => abort.abort(),
    });
    await expect(tries).rejects.toMatchObject({ failures: [{ reason: 'aborted' }] });
  });
});
