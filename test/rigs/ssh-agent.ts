import { spawn, spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { TestSshd } from './sshd.ts';

/** An agent that holds the key of a server's user, ended with the test. @returns its socket */
export async function startAgent(server: TestSshd): Promise<string> {
  const socket = join(server.folder, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  onTestFinished(() => void agent.kill('SIGKILL'));
  await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
  writeFileSync(join(server.folder, 'key'), server.key.privateKey, { mode: 0o600 });
  const added = spawnSync('ssh-add', ['-q', join(server.folder, 'key')], {
    env: { ...process.env, SSH_AUTH_SOCK: socket },
  });
  expect(added.status).toBe(0);
  return socket;
}
