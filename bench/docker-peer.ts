import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from './measure.ts';

/** A Docker daemon of our own, with an image that has as many steps as the sample pipeline, all of them cached. */
export interface DockerPeer extends AsyncDisposable {
  readonly build: Command;
}

/** Debian's client, whose BuildKit front end is in the daemon; undefined when Docker is not installed. */
export async function startDockerPeer(baseTree: string): Promise<DockerPeer | undefined> {
  if (!existsSync('/usr/sbin/dockerd')) return undefined;
  const folder = mkdtempSync(join(tmpdir(), 'imgpipe-docker-'));
  const socket = join(folder, 'docker.sock');
  const daemon = spawn(
    '/usr/sbin/dockerd',
    [
      ...['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'exec'), '-H', `unix://${socket}`],
      ...['--pidfile', join(folder, 'pid'), '--iptables=false', '--bridge=none'],
    ],
    { stdio: 'ignore' },
  );
  const docker = ['/usr/bin/docker', '-H', `unix://${socket}`];
  const env = { DOCKER_BUILDKIT: '1' };
  const call = (...args: string[]): void => {
    execFileSync(docker[0] ?? '', [...docker.slice(1), ...args], {
      stdio: 'ignore',
      env: { ...process.env, ...env },
    });
  };
  for (let tries = 0; !existsSync(socket) && tries < 200; tries += 1)
    await new Promise((done) => setTimeout(done, 100));
  const context = join(folder, 'context');
  mkdirSync(context);
  const steps = Array.from({ length: 12 }, (_, at) => {
    writeFileSync(join(context, `file${at}`), `${at}\n`);
    return at % 2 === 0 ? `RUN echo ${at} > /etc/step${at}` : `COPY file${at} /etc/file${at}`;
  });
  writeFileSync(join(context, 'Dockerfile'), ['FROM bench/base', ...steps, ''].join('\n'));
  execFileSync('tar', ['-C', baseTree, '-cf', join(folder, 'base.tar'), '.']);
  call('import', join(folder, 'base.tar'), 'bench/base');
  const argv = [...docker, 'build', '--network=none', '--progress=plain', '-t', 'bench/web', context];
  call(...argv.slice(docker.length));
  return {
    build: { name: 'docker build, all cached', argv, env },
    [Symbol.asyncDispose]: async () => {
      const ended = new Promise((done) => daemon.once('close', done));
      daemon.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
