import { readFileSync, readlinkSync } from 'node:fs';

/**
 * A process, told apart from a later one with the same number: its start time in clock ticks since boot
 * (proc(5), /proc/PID/stat field 22), the boot it belongs to, and the PID namespace in which it has that number.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
  /** Undefined in what an older imgpipe wrote: this one. */
  readonly namespace?: string | undefined;
}

let boot: string | undefined;

/** Random id of the running kernel's boot (random(4)); `unknown` where /proc has none. */
export function currentBootId(): string {
  boot ??= readTrimmed('/proc/sys/kernel/random/boot_id') ?? 'unknown';
  return boot;
}

let namespace: string | undefined;

/** Inode of this process's PID namespace (pid_namespaces(7)) to base 36; `0` where /proc does not tell. */
export function pidNamespace(): string {
  namespace ??= Number(/\d+/.exec(readLink('/proc/self/ns/pid'))?.[0] ?? 0).toString(36);
  return namespace;
}

/** Identity of a living process, or undefined when there is none of that number. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readTrimmed(`/proc/${pid}/stat`);
  // The second field is the program's name in brackets and may itself hold blanks and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = fields?.[19];
  if (startTicks === undefined || fields?.[0] === 'Z') return undefined;
  return { pid, startTicks, bootId: currentBootId(), namespace: pidNamespace() };
}

/** Whether that very process still runs. One of another PID namespace cannot be seen, so it does not. */
export function isAlive(identity: ProcessIdentity): boolean {
  return (
    (identity.namespace ?? pidNamespace()) === pidNamespace() &&
    identity.bootId === currentBootId() &&
    identifyProcess(identity.pid)?.startTicks === identity.startTicks
  );
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readTrimmed(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
