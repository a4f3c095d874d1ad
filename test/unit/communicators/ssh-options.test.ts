import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sshSchema, type SshOptions } from '../../../src/communicators/ssh/options.ts';
import { makeSshKey } from '../../../src/communicators/ssh/ssh-key.ts';
import {
  checkLogin,
  communicatorFromOptions,
  targetFromOptions,
} from '../../../src/communicators/ssh/target-from-options.ts';
import { parseTunnel } from '../../../src/communicators/ssh/tunnels.ts';
import { temporaryFolder } from '../../rigs/temporary-folder.ts';

const parse = (options: Record<string, unknown>): SshOptions => sshSchema.parse(options);
const resolvePath = (path: string): string => path;

describe('options of the SSH communicator', () => {
  it("have Packer's defaults", () => {
    expect(parse({})).toMatchObject({
      ssh_port: 22,
      ssh_bastion_port: 22,
      ssh_proxy_port: 1080,
      ssh_keep_alive_interval: 5000,
      ssh_read_write_timeout: 0,
      ssh_pty: false,
      ssh_file_transfer_method: 'scp',
    });
  });

  it('limit time and tries together only when neither is said', () => {
    const limits = (options: Record<string, unknown>) => {
      const { timeoutMs, handshakeAttempts } = communicatorFromOptions(parse(options));
      return [timeoutMs, handshakeAttempts];
    };
    expect(limits({})).toEqual([300_000, 10]);
    expect(limits({ ssh_timeout: '1h' })).toEqual([3_600_000, undefined]);
    expect(limits({ ssh_wait_timeout: '90s' })).toEqual([90_000, undefined]);
    expect(limits({ ssh_handshake_attempts: 3 })).toEqual([Infinity, 3]);
    // As Packer takes them: the older name wins, and 0 says nothing.
    expect(limits({ ssh_timeout: '1h', ssh_wait_timeout: '90s' })).toEqual([90_000, undefined]);
    expect(limits({ ssh_timeout: '0s' })).toEqual([300_000, 10]);
  });

  it('turn keep-alive off below zero', () => {
    expect(parse({ ssh_keep_alive_interval: '-1s' }).ssh_keep_alive_interval).toBe(-1);
    expect(parse({ ssh_keep_alive_interval: '0s' }).ssh_keep_alive_interval).toBe(5000);
    expect(parse({ ssh_keep_alive_interval: '500ms' }).ssh_keep_alive_interval).toBe(500);
    expect(() => parse({ ssh_keep_alive_interval: 'often' })).toThrow(/often/);
  });

  it.each([
    [{ ssh_bastion_host: 'b', ssh_bastion_username: 'u', ssh_proxy_host: 'p' }, /exclude each other/],
    [{ ssh_bastion_host: 'b' }, /ssh_bastion_username/],
    [{ ssh_certificate_file: 'c' }, /needs its key/],
    [{ ssh_bastion_certificate_file: 'c' }, /needs its key, `ssh_bastion_private_key_file`/],
    [{ ssh_bastion_host: 'b', ssh_bastion_username: 'u' }, /nothing logs in to the bastion/],
    [{ ssh_local_tunnels: ['8080:host'] }, /is not a tunnel/],
    [{ ssh_port: 0 }, /ssh_port/],
    [{ ssh_user: 'x' }, /ssh_user/],
  ])('refuse %j', (options, message) => {
    expect(() => parse(options)).toThrow(message);
  });

  it('make a target of everything that is said', async () => {
    const file = join(temporaryFolder(), 'key');
    writeFileSync(file, 'a key');
    const options = parse({
      ssh_username: 'me',
      ssh_private_key_file: file,
      ssh_agent_auth: true,
      ssh_host_key: ['SHA256:abc'],
      ssh_ciphers: ['aes256-ctr'],
      ssh_bastion_host: 'bastion',
      ssh_bastion_username: 'you',
      ssh_bastion_password: 'secret',
    });
    const address = { host: '127.0.0.1', port: 2222 };
    expect(await targetFromOptions(options, { address, agent: '/agent', resolvePath })).toEqual({
      ...address,
      user: 'me',
      privateKey: 'a key',
      agent: '/agent',
      forwardAgent: '/agent',
      ciphers: ['aes256-ctr'],
      hostKey: { type: 'pinned', keys: ['SHA256:abc'] },
      keepAliveMs: 5000,
      idleTimeoutMs: 0,
      route: {
        type: 'bastion',
        // The key serves the bastion too when it has none of its own.
        target: {
          host: 'bastion',
          port: 22,
          user: 'you',
          privateKey: 'a key',
          password: 'secret',
          keepAliveMs: 5000,
          idleTimeoutMs: 0,
        },
      },
    });
  });

  it('give the bastion the certificate of the key that it shares, and of no other', async () => {
    const folder = temporaryFolder();
    const put = (name: string): string => {
      writeFileSync(join(folder, name), name);
      return join(folder, name);
    };
    const certificateOf = async (more: Record<string, unknown>): Promise<string | undefined> => {
      const options = parse({
        ssh_host: 'h',
        ssh_username: 'me',
        ssh_private_key_file: put('key'),
        ssh_certificate_file: put('certificate'),
        ssh_bastion_host: 'b',
        ssh_bastion_username: 'you',
        ...more,
      });
      const { route } = await targetFromOptions(options, { resolvePath });
      return route?.type === 'bastion' ? route.target.certificate : undefined;
    };
    expect(await certificateOf({})).toBe('certificate');
    expect(await certificateOf({ ssh_bastion_private_key_file: put('other') })).toBeUndefined();
  });

  it('tell before anything starts what cannot log in', async () => {
    const file = join(temporaryFolder(), 'key');
    const { publicKey } = await makeSshKey('a');
    writeFileSync(file, publicKey);
    const options = parse({ ssh_private_key_file: file });
    await expect(checkLogin(options, { resolvePath })).rejects.toThrow(
      /ssh_private_key_file: .* holds no private key/,
    );
    await expect(checkLogin(parse({ ssh_agent_auth: true }), { resolvePath })).rejects.toThrow(
      /no SSH agent/,
    );
    await expect(
      checkLogin(parse({ ssh_private_key_file: '~/no-such-key' }), { resolvePath }),
    ).rejects.toThrow(/~\/no-such-key cannot be read/);
    writeFileSync(file, (await makeSshKey('a')).privateKey);
    await checkLogin(options, { resolvePath });
  });

  it('say what is missing', async () => {
    const refused = async (options: Record<string, unknown>, message: RegExp): Promise<void> => {
      await expect(targetFromOptions(parse(options), { resolvePath })).rejects.toThrow(message);
    };
    await refused({ ssh_username: 'me' }, /where the machine is/);
    await refused({ ssh_host: 'h' }, /who logs in/);
    await refused({ ssh_host: 'h', ssh_username: 'me', ssh_agent_auth: true }, /no SSH agent/);
    await refused(
      { ssh_host: 'h', ssh_username: 'me', ssh_private_key_file: '/no/key' },
      /ssh_private_key_file: \/no\/key cannot be read/,
    );
  });
});

describe('a tunnel', () => {
  it('is read from its text', () => {
    expect(parseTunnel('8080:host:80')).toEqual({ port: 8080, host: 'host', hostPort: 80 });
    expect(parseTunnel('0:[::1]:443')).toEqual({ port: 0, host: '::1', hostPort: 443 });
    for (const text of ['', '8080', '8080:host', '8080:host:0', '99999:host:80', 'a:b:c', '1:::1:2'])
      expect(parseTunnel(text), text).toBeUndefined();
  });
});

describe('made keys', () => {
  it('are always whole', async () => {
    // One in 256 of the library's is not: with so many, only good ones came through by choice.
    for (let count = 0; count < 1200; count += 1) {
      const { publicKey } = await makeSshKey('x');
      expect(Buffer.from(publicKey.split(' ')[1] ?? '', 'base64')).toHaveLength(51);
    }
  });
});
