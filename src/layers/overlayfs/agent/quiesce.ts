import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 5000;

export interface InUse {
  /** Texts that only mounts of the layer have in their line of /proc/PID/mountinfo. */
  readonly marks: readonly string[];
  /** Where programs of the workspace itself see the layer. */
  readonly mountPoint: string;
}

/**
 * Ends processes that still have an active layer mounted in a sandbox, or open in the workspace: until they are gone
 * they could write to it. A sandbox's first process may end before the kernel has taken the others down, and daemons
 * leave the process group of the program that started them.
 */
export async function quiesce(layer: InUse): Promise<void> {
  const ours = readlinkSync('/proc/self/ns/mnt');
  for (let waited = 0; ; waited += 10) {
    const users = usersOf(layer, ours);
    if (users.length === 0) return;
    if (waited > PATIENCE_MS) throw new Error(`processes ${users.join(', ')} hold the layer`);
    for (const pid of users) kill(pid);
    await sleep(10);
  }
}

function usersOf({ marks, mountPoint }: InUse, ours: string): number[] {
  const sandboxes = new Map<string, boolean>();
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.map(Number).filter((pid) => {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
      if (namespace === ours) return holds(pid, mountPoint);
      let sees = sandboxes.get(namespace);
      if (sees === undefined) {
        const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
        sees = hasAsRoot(mounts, marks);
        sandboxes.set(namespace, sees);
      }
      return sees;
    } catch {
      // It ended meanwhile, or is a zombie without a namespace.
      return false;
    }
  });
}

/**
 * Whether a mount namespace has the layer as its root. Having it somewhere else is no use of it: a sandbox of another
 * layer that is just being set up still has a copy of all mounts of the workspace.
 * @param mounts lines of proc(5) /proc/PID/mountinfo
 */
function hasAsRoot(mounts: string, marks: readonly string[]): boolean {
  return mounts
    .split('\n')
    .some((line) => line.split(' ')[4] === '/' && marks.some((mark) => line.includes(mark)));
}

/** Whether a process has its root, working folder, program or an open file below a folder. */
function holds(pid: number, folder: string): boolean {
  const links = ['root', 'cwd', 'exe', ...readdirSync(`/proc/${pid}/fd`).map((name) => `fd/${name}`)];
  return links.some((name) => {
    try {
      const target = readlinkSync(`/proc/${pid}/${name}`);
      return target === folder || target.startsWith(`${folder}/`);
    } catch {
      return false;
    }
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // ESRCH: it ended meanwhile.
  }
}
