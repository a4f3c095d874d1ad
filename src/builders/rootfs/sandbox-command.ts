import type { ProgramInput } from '../../util/exec.ts';
import { systemCallFilter } from './system-call-filter.ts';

/** Something bound into the sandbox. */
export interface SandboxBind {
  readonly source: string;
  /** Real path in the image. */
  readonly target: string;
  readonly writable: boolean;
}

export interface Sandbox {
  /** Path of the merged tree. */
  readonly root: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly binds: readonly SandboxBind[];
  readonly network: 'host' | 'none';
  /** Keeps the terminal it was started on, for a shell that a person uses. */
  readonly interactive?: boolean;
}

/**
 * Capabilities that maintainer scripts and package managers use; those that reach beyond the tree (SYS_ADMIN,
 * SYS_MODULE, NET_ADMIN, SYS_PTRACE …) are not among them.
 */
const CAPABILITIES = [
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'NET_RAW',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
];

/**
 * What a program sees of the system around its tree. Kernel settings are read-only: root in a sandbox that root
 * started is the host's root to them (bwrap covers /proc/sys only where access(2) says that it could be written,
 * which it does not for folders there).
 */
const SURROUNDINGS = words(`
  --dev /dev --perms 1777 --tmpfs /dev/shm
  --proc /proc --ro-bind /proc/sys /proc/sys --ro-bind-try /proc/fs /proc/fs
  --ro-bind-try /proc/sysrq-trigger /proc/sysrq-trigger --ro-bind-try /proc/acpi /proc/acpi
  --ro-bind /sys /sys
  --perms 0755 --tmpfs /run --perms 1777 --tmpfs /tmp --perms 1777 --tmpfs /var/tmp
  --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try --hostname localhost
  --die-with-parent --cap-drop ALL
`);

/**
 * The bwrap(1) command that runs a program in a tree, and what it reads from file descriptors 3 and 4: its options, so
 * that neither the environment nor paths show in the process list, and a filter of system calls. Everything mounted
 * ends with the program, as do all processes it started.
 */
export function sandboxCommand(sandbox: Sandbox): {
  readonly argv: readonly string[];
  readonly inputs: readonly ProgramInput[];
} {
  const options: string[] = ['--bind', sandbox.root, '/', ...SURROUNDINGS];
  for (const { source, target, writable } of sandbox.binds) {
    options.push(...foldersAbove(target), writable ? '--bind' : '--ro-bind', source, target);
  }
  if (sandbox.network === 'none') options.push('--unshare-net');
  // A session of its own keeps a program from typing into the user's terminal (CVE-2017-5226).
  if (sandbox.interactive !== true) options.push('--new-session');
  for (const name of CAPABILITIES) options.push('--cap-add', `CAP_${name}`);
  options.push('--clearenv');
  for (const [name, value] of Object.entries(sandbox.env)) options.push('--setenv', name, value);
  options.push('--chdir', sandbox.cwd);
  return {
    argv: ['bwrap', '--args', '3', '--seccomp', '4', '--', ...sandbox.argv],
    inputs: [
      options.map((option) => `${option}\0`).join(''),
      { base64: systemCallFilter().toString('base64') },
    ],
  };
}

/** bwrap makes missing folders for root alone (0700): those in memory above a mount are made here, for all users. */
function foldersAbove(target: string): readonly string[] {
  const base = ['/run', '/tmp', '/var/tmp'].find((folder) => target.startsWith(`${folder}/`));
  if (base === undefined) return [];
  const parts = target
    .slice(base.length + 1)
    .split('/')
    .slice(0, -1);
  return parts.flatMap((_, index) => [
    '--perms',
    '0755',
    '--dir',
    [base, ...parts.slice(0, index + 1)].join('/'),
  ]);
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
