import { readFileSync } from 'node:fs';

/**
 * A process, told apart from a later one with the same number: its start time in clock ticks since boot
 * (proc(5), /proc/PID/stat field 22) and the boot it belongs to.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

let boot: string | undefined;

/** Random id of the running kernel's boot (random(4)); `unknown` where /proc has none. */
export function currentBootId(): string {
  boot ??= readTrimmed('/proc/sys/kernel/random/boot_id') ?? 'unknown';
  return boot;
}

/** Identity of a living process, or undefined when there is none of that number. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readTrimmed(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets and may itself hold blanks and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields?.[19];
  if (startTicks === undefined || fields?.[0] === 'Z') return undefined;
  return { pid, startTicks, bootId: currentBootId() };
}

/** Whether that very process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return (
    identity.bootId === currentBootId() && identifyProcess(identity.pid)?.startTicks === identity.startTicks
  );
}

function readTrimmed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
