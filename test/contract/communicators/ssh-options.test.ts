import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { sshSchema } from '../../../src/communicators/ssh/options.ts';
import { SshCommunicator } from '../../../src/communicators/ssh/ssh-communicator.ts';
import { makeSshKey } from '../../../src/communicators/ssh/ssh-key.ts';
import {
  communicatorFromOptions,
  targetFromOptions,
  type SshSurroundings,
} from '../../../src/communicators/ssh/target-from-options.ts';
import { findFreePorts } from '../../../src/util/free-port.ts';
import { startAgent } from '../../rigs/ssh-agent.ts';
import { startSocksServer } from '../../rigs/socks-server.ts';
import { isRoot, noSshd, PASSWORD, startSshd, TESTER, type TestSshd } from '../../rigs/sshd.ts';

/** What a server says of a login reaches its log a moment after the login. */
const SOON = { timeout: 20_000 };

/** Connects as a template with these options would. */
async function connectBy(
  options: Record<string, unknown>,
  more: Partial<SshSurroundings> = {},
): Promise<SshCommunicator> {
  const parsed = sshSchema.parse({ ssh_timeout: '10s', ssh_handshake_attempts: 1, ...options });
  const target = await targetFromOptions(parsed, { resolvePath: (path) => path, ...more });
  const communicator = await SshCommunicator.connect(target, {
    ...communicatorFromOptions(parsed),
    signal: new AbortController().signal,
  });
  onTestFinished(() => communicator[Symbol.asyncDispose]());
  return communicator;
}

/** Options that log in to a server by its key. */
function byKey(server: TestSshd): Record<string, unknown> {
  const file = join(server.folder, 'login-key');
  writeFileSync(file, server.key.privateKey, { mode: 0o600 });
  const { host, port, user } = server;
  return { ssh_host: host, ssh_port: port, ssh_username: user, ssh_private_key_file: file };
}

const output = async (communicator: SshCommunicator, command: string): Promise<string> => {
  let text = '';
  await communicator.run({ command, onOutput: (chunk) => void (text += chunk.text) });
  return text.trim();
};

describe.skipIf(noSshd)('options of SSH, as a template has them, at a real server', () => {
  test('the bastion has its own way to log in: a shared key, an agent, a certificate of its own', async () => {
    const [bastion, server] = [await startSshd(), await startSshd()];
    // Each knows the other's key only where a line below says so.
    const through = {
      ...byKey(server),
      ssh_bastion_host: bastion.host,
      ssh_bastion_port: bastion.port,
      ssh_bastion_username: bastion.user,
    };
    await expect(connectBy(through)).rejects.toThrow(/refused the key/);
    const agent = await startAgent(bastion);
    expect(
      await output(await connectBy({ ...through, ssh_bastion_agent_auth: true }, { agent }), 'echo in'),
    ).toBe('in');
    const key = await makeSshKey('certified');
    const [file, certificate] = [join(bastion.folder, 'own'), join(bastion.folder, 'own-cert.pub')];
    writeFileSync(file, key.privateKey);
    writeFileSync(certificate, bastion.certify(key));
    const certified = { ssh_bastion_private_key_file: file, ssh_bastion_certificate_file: certificate };
    expect(await output(await connectBy({ ...through, ...certified }), 'echo in')).toBe('in');
    await expect.poll(() => bastion.log(), SOON).toContain('Accepted certificate');
    writeFileSync(join(bastion.folder, 'authorized_keys'), `${server.key.publicKey}\n`);
    expect(await output(await connectBy(through), 'echo in')).toBe('in');
  });

  test.skipIf(!isRoot)('the bastion asks: by password, and by questions that the user answers', async () => {
    const [bastion, server] = [
      await startSshd({ config: ['PasswordAuthentication no', 'PubkeyAuthentication no'] }),
      await startSshd(),
    ];
    const through = {
      ...byKey(server),
      ssh_bastion_host: bastion.host,
      ssh_bastion_port: bastion.port,
      ssh_bastion_username: TESTER,
    };
    expect(await output(await connectBy({ ...through, ssh_bastion_password: PASSWORD }), 'echo in')).toBe(
      'in',
    );
    const asked: boolean[] = [];
    const prompt = (_question: string, { secret }: { readonly secret: boolean }): Promise<string> => {
      asked.push(secret);
      return Promise.resolve(PASSWORD);
    };
    const interactive = await connectBy({ ...through, ssh_bastion_interactive: true }, { prompt });
    expect(await output(interactive, 'echo in')).toBe('in');
    expect(asked).toEqual([true]);
  });

  test('a terminal, tunnels, a proxy, ciphers, and no agent', async () => {
    const server = await startSshd({ config: ['LogLevel DEBUG'] });
    const proxy = await startSocksServer({ user: 'me', password: 'proxied' });
    const echo = createServer((socket) => socket.end('from here'));
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void echo.close());
    const [remote = 0] = await findFreePorts(1);
    const communicator = await connectBy(
      {
        ...byKey(server),
        ssh_pty: true,
        ssh_remote_tunnels: [`${remote}:127.0.0.1:${(echo.address() as AddressInfo).port}`],
        ssh_proxy_host: '127.0.0.1',
        ssh_proxy_port: proxy.port,
        ssh_proxy_username: 'me',
        ssh_proxy_password: 'proxied',
        ssh_ciphers: ['aes128-ctr'],
        ssh_key_exchange_algorithms: ['ecdh-sha2-nistp384'],
        ssh_disable_agent_forwarding: true,
      },
      { agent: await startAgent(server) },
    );
    expect(await output(communicator, 'test -t 1 && echo "$TERM ${SSH_AUTH_SOCK-none}"')).toMatch(
      /^xterm none$/m,
    );
    // The server's own remarks are on its terminal too.
    const fetched = `exec 3<>/dev/tcp/127.0.0.1/${remote}; cat <&3`;
    expect(await output(communicator, `bash -c '${fetched}'`)).toMatch(/^from here$/m);
    expect(proxy.destinations()).toEqual([`127.0.0.1:${server.port}`]);
    await expect.poll(() => server.log(), SOON).toContain('kex: algorithm: ecdh-sha2-nistp384');
    await expect.poll(() => server.log(), SOON).toContain('cipher: aes128-ctr');
  });

  test.each([
    { temporary_key_pair_type: 'ecdsa' },
    { temporary_key_pair_type: 'rsa', temporary_key_pair_bits: 2048 },
  ])('the key made for a build: %j', async (wanted) => {
    const server = await startSshd();
    const { temporary_key_pair_type: type, temporary_key_pair_bits: bits } = sshSchema.parse(wanted);
    const temporaryKey = await makeSshKey('build', { type, ...(bits > 0 && { bits }) });
    writeFileSync(join(server.folder, 'authorized_keys'), temporaryKey.publicKey);
    const { ssh_private_key_file: _file, ...rest } = byKey(server);
    expect(await output(await connectBy(rest, { temporaryKey }), 'echo in')).toBe('in');
  });
});
