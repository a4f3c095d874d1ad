import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';

const PROGRAMS = ['dockerd', 'containerd', 'runc', 'docker'];

/** Why no daemon can be started here; undefined when it can. */
export const noDockerd: string | undefined = reason();

function reason(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `needs ${missing.join(', ')} (Debian: docker.io)`;
}

function isInstalled(program: string): boolean {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return path.split(':').some((folder) => existsSync(join(folder, program)));
}

const run = promisify(execFile);

/**
 * A Docker daemon of the test's own: data, sockets and process numbers under a folder, no bridge and no firewall rules.
 * Ending it leaves no process, no mount and no file.
 */
export class DockerDaemon implements AsyncDisposable {
  readonly folder: string;
  /** For programs that talk to it. */
  readonly env: Readonly<Record<string, string>>;
  readonly #process: ChildProcess;

  private constructor(folder: string, child: ChildProcess) {
    this.folder = folder;
    this.#process = child;
    const { PATH = '' } = process.env;
    // Not a HOME: what else keeps its caches there would make the folder again after the end.
    this.env = { PATH, DOCKER_CONFIG: join(folder, 'client'), DOCKER_HOST: `unix://${folder}/d.sock` };
  }

  static async start(): Promise<DockerDaemon> {
    // Sockets have short paths, and data must lie on a real file system.
    const folder = await mkdtemp('/var/tmp/imgpipe-dockerd-');
    mkdirSync(join(folder, 'client'));
    const args = [
      ...['--host', `unix://${folder}/d.sock`],
      ...['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`, '--pidfile', `${folder}/pid`],
      ...['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false'],
    ];
    writeFileSync(join(folder, 'config.json'), '{}');
    const log = openSync(join(folder, 'log'), 'a');
    const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
    const child = spawn('dockerd', ['--config-file', join(folder, 'config.json'), ...args], {
      env: { ...process.env, PATH },
      stdio: ['ignore', log, log],
    });
    const daemon = new DockerDaemon(folder, child);
    for (let tries = 0; tries < 300; tries += 1) {
      if (child.exitCode !== null) break;
      const answer = await run('docker', ['version', '--format', '{{.Server.Version}}'], {
        env: daemon.env,
      }).catch(() => undefined);
      if (answer !== undefined) return daemon;
      await wait(100);
    }
    const said = readFileSync(join(folder, 'log'), 'utf8').split('\n').slice(-10).join('\n');
    await daemon[Symbol.asyncDispose]();
    throw new Error(`dockerd does not start:\n${said}`);
  }

  /** Runs docker and gives what it prints, without white space around it. */
  docker(...args: readonly string[]): string {
    return execFileSync('docker', args, {
      env: this.env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
  }

  /** Makes an image of what is in a tar. */
  import(tar: string, name: string, ...changes: readonly string[]): string {
    return this.docker('import', ...changes.flatMap((change) => ['--change', change]), tar, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      const containers = this.docker('ps', '-aq')
        .split('\n')
        .filter((id) => id !== '');
      if (containers.length > 0) this.docker('rm', '--force', ...containers);
    } catch {
      // It did not start, or is gone.
    }
    if (this.#process.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once('exit', resolve));
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), 20_000);
      await ended;
      clearTimeout(timer);
    }
    // Deepest first; a daemon that ended well leaves none.
    const mounts = readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path.startsWith(`${this.folder}/`))
      .toReversed();
    for (const path of mounts) execFileSync('umount', ['-l', path]);
    await rm(this.folder, { recursive: true, force: true });
  }
}
