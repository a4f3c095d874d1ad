import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { findFreePorts } from '../../src/util/free-port.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A real container registry (Debian's docker-registry) with an empty store, on this machine only. */
export interface Registry {
  /** `localhost:<port>`. */
  readonly host: string;
  /** Requests that it answered: `PUT /v2/…` and so on. */
  readonly requests: () => readonly string[];
}

/** @param htpasswd lines of a password file; without it everyone may push */
export async function startRegistry(htpasswd?: string): Promise<Registry> {
  const folder = temporaryFolder();
  const [port = 0] = await findFreePorts(1);
  mkdirSync(join(folder, 'data'));
  if (htpasswd !== undefined) writeFileSync(join(folder, 'htpasswd'), htpasswd);
  const config = {
    version: '0.1',
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: `127.0.0.1:${port}` },
    ...(htpasswd === undefined
      ? {}
      : { auth: { htpasswd: { realm: 'test', path: join(folder, 'htpasswd') } } }),
  };
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config));
  const child = spawn('docker-registry', ['serve', join(folder, 'config.yml')], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let log = '';
  child.stdout.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const host = `localhost:${port}`;
  for (let attempt = 0; ; attempt += 1) {
    const answer = await fetch(`http://${host}/v2/`).catch(() => undefined);
    if (answer !== undefined) break;
    if (attempt > 400) throw new Error('docker-registry does not start');
    await new Promise((done) => setTimeout(done, 25));
  }
  return {
    host,
    requests: () => [...log.matchAll(/"([A-Z]+ \/v2\/\S*) HTTP/g)].map(([, request = '']) => request),
  };
}
