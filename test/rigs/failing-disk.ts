import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { eventually } from './cli.ts';
import { temporaryFolder } from './temporary-folder.ts';

const SERVER = fileURLToPath(new URL('failing-file.py', import.meta.url));
const PYTHON = '/usr/bin/python3';

/** Why no failing disk can be made here, or undefined. */
export const noFailingDisk: string | undefined =
  process.geteuid?.() !== 0
    ? 'needs root'
    : !existsSync('/dev/fuse') || !existsSync('/dev/loop-control')
      ? 'needs FUSE and loop devices'
      : spawnSync(PYTHON, ['-c', 'import fusepy']).status === 0
        ? undefined
        : 'needs python3-fusepy';

/** How a disk fails: not at all, in all reads, or in all writes after some megabytes. */
export type DiskFault = 'none' | 'read' | `write ${number}`;

/**
 * An ext4 file system on a loop device on a FUSE file that gives EIO on demand: what a dying disk looks like to the
 * kernel, and so to every program.
 */
export class FailingDisk {
  readonly #folder = temporaryFolder();
  readonly #mountPoint: string;
  #server: ChildProcess | undefined;
  #device = '';

  constructor(mountPoint: string) {
    this.#mountPoint = mountPoint;
    onTestFinished(() => this.#close());
  }

  async open(): Promise<void> {
    mkdirSync(this.#path('fuse'));
    this.fail('none');
    execFileSync('truncate', ['--size=96M', this.#path('backing')]);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', this.#path('backing')]);
    this.#server = spawn(PYTHON, [SERVER, this.#path('fuse'), this.#path('backing'), this.#path('control')], {
      stdio: 'ignore',
    });
    await eventually('the FUSE file', () => existsSync(this.#path('fuse/disk')));
    this.mount();
  }

  fail(fault: DiskFault): void {
    writeFileSync(this.#path('control'), fault);
  }

  mount(): void {
    this.#device = execFileSync('losetup', ['--find', '--show', this.#path('fuse/disk')], {
      encoding: 'utf8',
    }).trim();
    execFileSync('mount', ['-o', 'sync,errors=continue', this.#device, this.#mountPoint]);
  }

  /** The disk is put into another machine: nothing of it is in memory any more, and its journal is gone through. */
  async replace(): Promise<void> {
    this.fail('none');
    this.unmount();
    await eventually(
      'the end of all mounts of the disk',
      () => this.#isFree() || this.#unmountCopies(),
      60_000,
    );
    // 1: mended.
    const { status, stdout } = spawnSync('e2fsck', ['-fy', this.#path('backing')], { encoding: 'utf8' });
    if (status !== 0 && status !== 1) throw new Error(`e2fsck: ${status} ${stdout}`);
    this.mount();
  }

  unmount(): void {
    spawnSync('umount', [this.#mountPoint]);
    if (this.#device !== '') spawnSync('losetup', ['--detach', this.#device]);
    this.#device = '';
  }

  /** Mount namespaces that other tests made meanwhile have a copy of the mount, which keeps the device until they end. */
  #unmountCopies(): false {
    for (const pid of readdirSync('/proc')) {
      if (/^\d+$/.test(pid) && mountsSeenBy(pid).includes(` ${this.#mountPoint} `))
        spawnSync('nsenter', [`--target=${pid}`, '--mount', 'umount', this.#mountPoint]);
    }
    return false;
  }

  #isFree(): boolean {
    return execFileSync('losetup', ['--associated', this.#path('fuse/disk')], { encoding: 'utf8' }) === '';
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #close(): void {
    this.fail('none');
    this.unmount();
    spawnSync('umount', ['--lazy', this.#path('fuse')]);
    this.#server?.kill('SIGKILL');
  }
}

function mountsSeenBy(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  } catch {
    // Ended meanwhile.
    return '';
  }
}
