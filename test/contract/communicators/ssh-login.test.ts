import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pauseBeforeConnecting } from '../../../src/builders/pause-before-connecting.ts';
import { removeAuthorizedKey } from '../../../src/communicators/ssh/authorized-keys.ts';
import { fingerprintOf } from '../../../src/communicators/ssh/host-key.ts';
import { makeSshKey, type SshKeyOptions } from '../../../src/communicators/ssh/ssh-key.ts';
import type { SshTarget } from '../../../src/communicators/ssh/ssh-target.ts';
import { findFreePorts } from '../../../src/util/free-port.ts';
import { startAgent } from '../../rigs/ssh-agent.ts';
import { startSocksServer } from '../../rigs/socks-server.ts';
import { communicateWith, connectTo, failure, keyless, targetOf } from '../../rigs/ssh-target.ts';
import { isRoot, noSshd, PASSWORD, startSshd, TESTER } from '../../rigs/sshd.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

/** What a server says of a login reaches its log a moment after the login. */
const SOON = { timeout: 20_000 };

const whoAmI = async (target: SshTarget): Promise<string> => {
  const communicator = await communicateWith(target, { handshakeAttempts: 1 });
  return (await communicator.exec('id -un')).stdout.trim();
};

describe.skipIf(noSshd)('logging in to OpenSSH', () => {
  it.each<SshKeyOptions>([{}, { type: 'ecdsa', bits: 256 }, { type: 'rsa', bits: 2048 }])(
    'by a certificate of a new key (%j)',
    async (options) => {
      const server = await startSshd();
      const key = await makeSshKey('certified', options);
      const target = keyless(server, { privateKey: key.privateKey });
      await expect(whoAmI(target)).rejects.toMatchObject(failure('communicator-failed', /refused the key;/));
      expect(await whoAmI({ ...target, certificate: server.certify(key) })).toBe(server.user);
      await expect.poll(() => server.log(), SOON).toContain('Accepted certificate');
    },
  );

  it('by an ECDSA P-521 certificate, whose signature has its long form', async () => {
    const server = await startSshd();
    const key = await makeSshKey('certified', { type: 'ecdsa' });
    const certificate = server.certify(key);
    expect(await whoAmI(keyless(server, { privateKey: key.privateKey, certificate }))).toBe(server.user);
  });

  it('by an agent, and lets commands use it', async () => {
    const server = await startSshd();
    const agent = await startAgent(server);
    expect(await whoAmI(keyless(server, { agent }))).toBe(server.user);
    const forwarding = await communicateWith(keyless(server, { agent, forwardAgent: agent }));
    expect((await forwarding.exec('ssh-add -l')).stdout).toContain('tester');
  });

  it('runs commands also where agents may not be forwarded', async () => {
    const server = await startSshd({ config: ['AllowAgentForwarding no'] });
    const communicator = await communicateWith(targetOf(server, { forwardAgent: await startAgent(server) }));
    expect((await communicator.exec('echo ${SSH_AUTH_SOCK-none}')).stdout).toBe('none\n');
  });

  describe.skipIf(!isRoot)('by password', () => {
    const tester = { user: TESTER, password: PASSWORD };

    it('as a password', async () => {
      const server = await startSshd({ config: ['KbdInteractiveAuthentication no'] });
      expect(await whoAmI(keyless(server, tester))).toBe(TESTER);
    });

    it('as an answer to a question', async () => {
      const server = await startSshd({ config: ['PasswordAuthentication no'] });
      expect(await whoAmI(keyless(server, tester))).toBe(TESTER);
      const questions: string[] = [];
      const prompt = (question: string): Promise<string> => {
        questions.push(question);
        return Promise.resolve(PASSWORD);
      };
      expect(await whoAmI(keyless(server, { user: TESTER, prompt }))).toBe(TESTER);
      expect(questions).toEqual([expect.stringContaining('Password')]);
    });

    it('after a key, when the server wants both', async () => {
      const server = await startSshd({ config: ['AuthenticationMethods publickey,password'] });
      expect(await whoAmI(targetOf(server, tester))).toBe(TESTER);
    });

    it('says what was refused and what the server takes, after as many tries as told', async () => {
      const server = await startSshd({ config: ['KbdInteractiveAuthentication no'] });
      const retries: string[] = [];
      const onRetry = (reason: string): void => void retries.push(reason);
      const wrong = keyless(server, { user: TESTER, password: 'wrong' });
      await expect(communicateWith(wrong, { handshakeAttempts: 2, onRetry })).rejects.toMatchObject(
        failure('communicator-failed', /refused the password; it takes .*password.*\(after 2 handshakes\)/),
      );
      expect(retries).toHaveLength(1);
    });
  });

  it('says what is wrong with a key before it connects', async () => {
    const key = await makeSshKey('a');
    const target = { host: '127.0.0.1', port: 1, user: 'root' };
    const refused = async (changes: Partial<SshTarget>, message: RegExp): Promise<void> => {
      const connecting = connectTo({ ...target, ...changes });
      await expect(connecting).rejects.toMatchObject(failure('communicator-failed', message));
    };
    await refused({ privateKey: 'nonsense' }, /private key cannot be read/);
    await refused({ privateKey: key.publicKey }, /is a public one/);
    await refused({ privateKey: key.privateKey, certificate: 'nonsense' }, /not an OpenSSH certificate/);
    const folder = temporaryFolder();
    const make = ['-q', '-t', 'ed25519', '-N', 'a passphrase', '-f', join(folder, 'key')];
    spawnSync('ssh-keygen', make, { stdio: 'ignore' });
    await refused({ privateKey: readFileSync(join(folder, 'key'), 'utf8') }, /has a passphrase/);
  });
});

describe.skipIf(noSshd || !isRoot)('a key of one build', () => {
  it('is taken out of authorized_keys, and nothing else', async () => {
    const server = await startSshd({ config: ['AuthorizedKeysFile .ssh/authorized_keys'] });
    const [mine, other] = [await makeSshKey('mine'), await makeSshKey('other')];
    const file = join(server.folder, 'home/.ssh/authorized_keys');
    mkdirSync(join(file, '..'));
    writeFileSync(file, `# kept\n${mine.publicKey}\n${other.publicKey}\n`);
    chmodSync(file, 0o666);
    const login = { user: TESTER, privateKey: mine.privateKey };
    const communicator = await communicateWith(keyless(server, login));
    await removeAuthorizedKey(communicator, mine.publicKey);
    expect(readFileSync(file, 'utf8')).toBe(`# kept\n${other.publicKey}\n`);
    await expect(connectTo(keyless(server, login), { handshakeAttempts: 1 })).rejects.toMatchObject(
      failure('communicator-failed', /refused the key/),
    );
  });
});

describe.skipIf(noSshd)('host keys', () => {
  it('are taken when they are the pinned ones, as a line or a fingerprint', async () => {
    const server = await startSshd();
    const blob = Buffer.from(server.hostKey.split(' ')[1] ?? '', 'base64');
    const keys = [server.hostKey, fingerprintOf(blob)];
    for (const key of keys) {
      const connection = await connectTo(targetOf(server, { hostKey: { type: 'pinned', keys: [key] } }));
      expect(connection.hostKey).toBe(fingerprintOf(blob));
    }
  });

  it('that differ are refused at once, before anything secret is sent', async () => {
    const server = await startSshd();
    const other = await makeSshKey('other');
    const retries: string[] = [];
    const target = targetOf(server, {
      password: PASSWORD,
      hostKey: { type: 'pinned', keys: [other.publicKey] },
    });
    await expect(connectTo(target, { onRetry: (reason) => void retries.push(reason) })).rejects.toMatchObject(
      failure('communicator-failed', /has the host key SHA256:.* not the expected one/),
    );
    expect(retries).toEqual([]);
    expect(server.log()).not.toContain('Accepted');
    expect(server.log()).not.toContain('Failed');
  });

  it('that change while a communicator lives are told', async () => {
    const first = await startSshd();
    const changes: [string, string][] = [];
    const communicator = await communicateWith(targetOf(first), {
      onHostKeyChange: (now, before) => void changes.push([now, before]),
    });
    const before = communicator.hostKey;
    await first.stop();
    const second = await startSshd({ port: first.port });
    writeFileSync(join(second.folder, 'authorized_keys'), first.key.publicKey);
    await communicator.reconnect();
    expect(changes).toEqual([[communicator.hostKey, before]]);
    expect(communicator.hostKey).not.toBe(before);
  });
});

describe.skipIf(noSshd)('the way to the server', () => {
  it('leads through a bastion with its own login', async () => {
    const [bastion, server] = [await startSshd(), await startSshd()];
    const target = targetOf(server, { route: { type: 'bastion', target: targetOf(bastion) } });
    const communicator = await communicateWith(target);
    expect((await communicator.exec('echo $SSH_CONNECTION')).stdout.split(' ')[3]).toBe(`${server.port}\n`);
    await expect.poll(() => bastion.log(), SOON).toContain('Accepted publickey');
    await bastion.stop();
  });

  it('says when it is the bastion that cannot reach the server', async () => {
    const bastion = await startSshd();
    const [port = 0] = await findFreePorts(1);
    const target = targetOf(bastion, { port, route: { type: 'bastion', target: targetOf(bastion) } });
    await expect(connectTo(target, { deadline: performance.now() + 500 })).rejects.toMatchObject(
      failure('communicator-failed', /the bastion cannot reach 127\.0\.0\.1/),
    );
  });

  it.each([
    ['without a login', undefined],
    ['with a login', { user: 'proxy', password: 'secret' }],
  ])('leads through a SOCKS5 proxy %s', async (_name, login) => {
    const server = await startSshd();
    const proxy = await startSocksServer(login);
    const route = { type: 'socks5', host: '127.0.0.1', port: proxy.port, ...login } as const;
    expect(await whoAmI(targetOf(server, { route }))).toBe(server.user);
    expect(proxy.destinations()).toEqual([`127.0.0.1:${server.port}`]);
    if (login === undefined) return;
    const wrong = targetOf(server, { route: { ...route, password: 'wrong' } });
    await expect(connectTo(wrong, { deadline: performance.now() + 500 })).rejects.toMatchObject(
      failure('communicator-failed', /authentication/i),
    );
  });

  it('ends when nothing listens', async () => {
    const [port = 0] = await findFreePorts(1);
    const target = { host: '127.0.0.1', port, user: 'root', password: 'x' };
    // A closed port is no handshake: only the deadline ends it.
    await expect(
      connectTo(target, { deadline: performance.now() + 1500, handshakeAttempts: 1 }),
    ).rejects.toMatchObject(failure('communicator-failed', /root@127\.0\.0\.1:\d+: connect ECONNREFUSED/));
  });

  it('is tried on while the server hangs up before anybody logs in', async () => {
    const closing = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void closing.close());
    const { port } = closing.address() as AddressInfo;
    const retries: string[] = [];
    const target = { host: '127.0.0.1', port, user: 'root', password: 'x' };
    const connecting = connectTo(target, {
      deadline: performance.now() + 2500,
      handshakeAttempts: 1,
      onRetry: (reason) => void retries.push(reason),
    });
    await expect(connecting).rejects.toMatchObject(failure('communicator-failed', /no SSH connection/));
    expect(retries.length).toBeGreaterThan(0);
  });

  it('is made anew after the pause, when one was asked for', async () => {
    const server = await startSshd();
    const communicator = await communicateWith(targetOf(server));
    const [log, signal] = [(): void => undefined, new AbortController().signal];
    const accepted = (): number => server.log().split('Accepted publickey').length - 1;
    await pauseBeforeConnecting(communicator, {}, { log, signal });
    await expect.poll(accepted, SOON).toBe(1);
    await pauseBeforeConnecting(communicator, { pause_before_connecting: 10 }, { log, signal });
    await expect.poll(accepted, SOON).toBe(2);
  });

  it('ends when the server accepts and says nothing', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void mute.close());
    const { port } = mute.address() as AddressInfo;
    const target = { host: '127.0.0.1', port, user: 'root', password: 'x' };
    await expect(
      connectTo(target, { deadline: performance.now() + 1200, handshakeAttempts: 1 }),
    ).rejects.toMatchObject(failure('communicator-failed', /[Tt]imed out/));
  });

  it('takes the ciphers and key exchanges it is told', async () => {
    const server = await startSshd({ config: ['LogLevel DEBUG'] });
    const target = targetOf(server, { ciphers: ['aes256-ctr'], keyExchanges: ['ecdh-sha2-nistp256'] });
    await connectTo(target);
    await expect.poll(() => server.log(), SOON).toContain('kex: algorithm: ecdh-sha2-nistp256');
    await expect.poll(() => server.log(), SOON).toContain('cipher: aes256-ctr');
    const retries: string[] = [];
    await expect(
      connectTo({ ...target, ciphers: ['rot13'] }, { onRetry: (reason) => void retries.push(reason) }),
    ).rejects.toMatchObject(failure('template-invalid', /rot13/));
    expect(retries).toEqual([]);
  });
});
