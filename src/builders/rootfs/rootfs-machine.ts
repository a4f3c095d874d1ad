import { randomUUID } from 'node:crypto';
import { chmodSync, statSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecOutcome, MemoryFile, MountPoint, OutputChunk, Workspace } from '../../layers/workspace.ts';
import type { Architecture } from '../../model/platform.ts';
import type { Machine, MachineCommand, MachineMount } from '../machine.ts';
import { machineEnvironment } from '../machine-environment.ts';
import { stageInput } from '../stage-input.ts';
import { parseOsRelease } from '../../util/os-release.ts';
import { requireRunnable } from './foreign-architecture.ts';
import { asUser, findImageUser } from './image-user.ts';
import { sandboxCommand, type SandboxBind } from './sandbox-command.ts';
import type { SandboxLayer } from './sandbox-shim.ts';

/** What a machine works on and with whom it shares its surroundings. */
export interface RootfsMachineOptions {
  readonly workspace: Workspace;
  readonly active: SandboxLayer;
  readonly architecture: Architecture;
  /** Seconds since 1970; programs see it as SOURCE_DATE_EPOCH. */
  readonly sourceDateEpoch: number;
  /** Folder on the host for a cache mount's id, kept between runs. */
  readonly cacheFolder: (id: string) => Promise<string>;
  /** Ends whatever runs in the machine. */
  readonly signal: AbortSignal;
  /** Gets all output of all programs, for the step's log. */
  readonly onOutput: (chunk: OutputChunk) => void;
}

/**
 * A machine that is a sandbox on an active layer: programs see the merged tree as their root, their own /dev, /proc,
 * /run and /tmp, the host's network (or none), and nothing else of the host.
 * @throws FailureError `tool-missing` when this host cannot run the architecture
 */
export function createMachine(options: RootfsMachineOptions): Machine {
  requireRunnable(options.architecture);
  return new RootfsMachine(options);
}

export class RootfsMachine implements Machine {
  readonly architecture: Architecture;
  readonly #options: RootfsMachineOptions;

  constructor(options: RootfsMachineOptions) {
    this.architecture = options.architecture;
    this.#options = options;
  }

  async osRelease(): Promise<Readonly<Record<string, string>>> {
    return parseOsRelease((await this.readFile('/etc/os-release')) ?? '');
  }

  async exec(command: MachineCommand, onOutput?: (chunk: OutputChunk) => void): Promise<ExecOutcome> {
    const { workspace, active, signal } = this.#options;
    const user =
      command.user === undefined || command.user === 'root' || command.user === '0'
        ? undefined
        : await this.#user(command.user);
    const mounts = await Promise.all((command.mounts ?? []).map((mount) => this.#source(mount, user)));
    const points = mounts.map(({ point }) => point);
    const prepared =
      points.length === 0 ? { paths: [], made: [] } : await workspace.prepareMountPoints(active, points);
    const binds = mounts.map((mount, index): SandboxBind => ({
      ...mount,
      target: prepared.paths[index] ?? mount.point.path,
    }));
    const { argv, inputs } = sandboxCommand({
      root: active.mountPoint,
      argv: user === undefined ? command.argv : asUser(user, command.argv),
      env: {
        ...machineEnvironment(this.#options.sourceDateEpoch),
        // systemctl works on files alone, as in an image that is not running.
        SYSTEMD_OFFLINE: '1',
        ...(user === undefined ? {} : { HOME: user.home, USER: user.name, LOGNAME: user.name }),
        ...command.env,
      },
      cwd: command.cwd ?? '/',
      binds,
      network: command.network ?? 'host',
    });
    try {
      return await workspace.spawn({
        argv,
        // For finding bwrap itself; the sandbox's environment goes through `input`.
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin' },
        inputs,
        memoryFiles: mounts.flatMap(({ memoryFile }) => memoryFile ?? []),
        ...(command.stdin === undefined ? {} : { stdin: command.stdin }),
        ...(command.timeoutMs === undefined ? {} : { timeoutMs: command.timeoutMs }),
        signal,
        onOutput: (chunk) => {
          if (command.quiet !== true) this.#options.onOutput(chunk);
          onOutput?.(chunk);
        },
      });
    } finally {
      await workspace.removeMountPoints(active, prepared);
      for (const { staged } of mounts)
        if (staged !== undefined) await rm(staged, { recursive: true, force: true });
    }
  }

  async writeFile(
    path: string,
    content: string,
    options: { mode?: number; uid?: number; gid?: number } = {},
  ): Promise<void> {
    const { mode = 0o644, uid = 0, gid = 0 } = options;
    await this.#options.workspace.writeActive(this.#options.active, { path, content, mode, uid, gid });
  }

  readFile(path: string): Promise<string | undefined> {
    return this.#options.workspace.readActive(this.#options.active, path);
  }

  async #user(user: string): Promise<ReturnType<typeof findImageUser>> {
    return findImageUser(user, (await this.readFile('/etc/passwd')) ?? '');
  }

  async #source(
    mount: MachineMount,
    owner: { uid: number; gid: number } = { uid: 0, gid: 0 },
  ): Promise<MountSource> {
    switch (mount.type) {
      case 'cache': {
        const source = await this.#options.cacheFolder(mount.id);
        if (mount.mode !== undefined) chmodSync(source, mount.mode);
        return { source, writable: true, point: { path: mount.target, type: 'directory' } };
      }
      case 'host': {
        const staged = join(this.#options.workspace.scratchDirectory, randomUUID());
        // Nobody else on this host needs to see copies that belong to root.
        await mkdir(staged, { recursive: true, mode: 0o700 });
        const source = join(staged, 'input');
        await stageInput(mount.source, source, {
          time: this.#options.sourceDateEpoch,
          ...(mount.exclude && { exclude: mount.exclude }),
        });
        const type = statSync(source).isDirectory() ? 'directory' : 'file';
        return { source, writable: false, point: { path: mount.target, type }, staged };
      }
      case 'secret': {
        const path = join(this.#options.workspace.memoryDirectory, randomUUID());
        const { uid, gid } = owner;
        const memoryFile = { path, content: mount.value, mode: mount.mode, uid, gid };
        return { source: path, writable: false, point: { path: mount.target, type: 'file' }, memoryFile };
      }
    }
  }
}

interface MountSource {
  readonly source: string;
  readonly writable: boolean;
  readonly point: MountPoint;
  readonly memoryFile?: MemoryFile;
  /** Folder to delete when the program has ended. */
  readonly staged?: string;
}
