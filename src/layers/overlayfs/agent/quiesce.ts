import { readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const PATIENCE_MS = 5000;

/**
 * Ends processes in sandboxes that still have an active layer mounted. A sandbox's first process may end before the
 * kernel has taken the others down; until then they could still write.
 * @param marks texts that only mounts of that layer have in their line of /proc/PID/mountinfo
 */
export async function quiesce(marks: readonly string[]): Promise<void> {
  const ours = readlinkSync('/proc/self/ns/mnt');
  for (let waited = 0; ; waited += 10) {
    const users = processesSeeing(marks, ours);
    if (users.length === 0) return;
    if (waited > PATIENCE_MS) throw new Error(`processes ${users.join(', ')} hold the layer`);
    for (const pid of users) kill(pid);
    await sleep(10);
  }
}

function processesSeeing(marks: readonly string[], ours: string): number[] {
  const seen = new Map<string, boolean>();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const namespace = readlinkSync(`/proc/${pid}/ns/mnt`);
        if (namespace === ours) return false;
        let sees = seen.get(namespace);
        if (sees === undefined) {
          const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
          sees = marks.some((mark) => mounts.includes(mark));
          seen.set(namespace, sees);
        }
        return sees;
      } catch {
        // It ended meanwhile, or is a zombie without a namespace.
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
