import { accessSync, constants, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { FailureError } from '../../diagnostics/failure.ts';

/** Options of unshare(1) for a user namespace with the user's ranges of ids, as root there. */
const MAPPED_IDS = ['--user', '--map-auto', '--map-root-user'] as const;

/**
 * The command that starts a program in private mount and PID namespaces, as root there. It ends with its parent,
 * whatever ends that; and with the namespace's first process the kernel ends all others in it and drops its mounts.
 * That first process is a shell, because it must also collect orphans, which Node does not.
 * @param lock file that stays locked (flock(2)) as long as the program lives
 * @throws FailureError `permission-denied` when this user cannot have a user namespace with enough ids
 */
export function privateNamespaces(lock: string, argv: readonly string[]): readonly string[] {
  const root = process.geteuid?.() === 0;
  if (!root) requireSubordinateIds();
  const user = root ? '' : MAPPED_IDS.join(' ');
  const locked = `setpriv --pdeathsig KILL flock --no-fork --exclusive`.split(' ');
  const unshare = `unshare ${user} --mount --propagation private --pid --fork --kill-child=KILL --mount-proc`;
  return [...locked, lock, ...unshare.split(/ +/), 'sh', '-c', '"$@"; exit $?', 'sh', ...argv];
}

/** The command that starts a program as root of the ids that own files of layers, and in no other namespace. */
export function asOwner(argv: readonly string[]): readonly string[] {
  return process.geteuid?.() === 0 ? argv : ['unshare', ...MAPPED_IDS, ...argv];
}

/** What to do when the namespaces could not be made. */
export function namespaceHint(): string {
  const settings = [
    // Ubuntu 23.10 and later.
    { name: 'kernel.apparmor_restrict_unprivileged_userns', closed: '1', open: '0' },
    // Debian before 11.
    { name: 'kernel.unprivileged_userns_clone', closed: '0', open: '1' },
  ];
  const closed =
    process.geteuid?.() === 0
      ? undefined
      : settings.find(({ name, closed: value }) => sysctl(name) === value);
  return closed === undefined
    ? 'imgpipe needs to be root with CAP_SYS_ADMIN, or a user who may make user namespaces. Run `imgpipe doctor`.'
    : `This system keeps user namespaces from ordinary users: \`sudo sysctl ${closed.name}=${closed.open}\` allows them, or run imgpipe as root.`;
}

function sysctl(name: string): string | undefined {
  try {
    return readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Layers hold files of many owners: the user needs ranges of ids of their own (subuid(5)) and the way to map them. */
function requireSubordinateIds(): void {
  const { username, uid } = userInfo();
  if (!isOnPath('newuidmap') || !isOnPath('newgidmap')) {
    throw new FailureError({
      reason: 'permission-denied',
      message: 'newuidmap is not installed: an ordinary user cannot build file trees with several owners',
      hint: 'Install the package `uidmap` (or `shadow-utils`), or run imgpipe as root.',
    });
  }
  for (const file of ['/etc/subuid', '/etc/subgid']) {
    if (hasRange(file, username, uid)) continue;
    throw new FailureError({
      reason: 'permission-denied',
      message: `${file} gives ${username} no range of ids: an ordinary user cannot build file trees with several owners`,
      hint: `Run \`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${username}\`, or run imgpipe as root.`,
    });
  }
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Whether the file has a range of at least 65536 ids for the user, by name or number. */
function hasRange(file: string, username: string, uid: number): boolean {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return false;
  }
  return text.split('\n').some((line) => {
    const [owner, , count] = line.split(':');
    return (owner === username || owner === String(uid)) && Number(count) >= 65536;
  });
}
