import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, unwrap, type Result } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { StepRunContext } from '../provisioner.ts';
import { mustRun, shellCommand } from '../run-program.ts';
import type { UserOptions } from '../user.ts';
import { readGroups, readPasswd } from './account-files.ts';
import { runTool } from './run-tool.ts';

/** userdel's code for "the account is gone, but its home folder belonged to another user". */
const HOME_NOT_REMOVED = 12;

/** Makes, changes or deletes an account. Fails with `step-failed`. */
export function runUserStep(
  options: UserOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    const isThere = (await readPasswd(machine)).has(options.user);
    if (options.remove) {
      if (isThere) unwrap(await runTool(machine, ['userdel', '--remove', options.user], [HOME_NOT_REMOVED]));
      unwrap(await mustRun(machine, { argv: ['rm', '-f', sudoersFile(options.user)] }, 'rm'));
      return;
    }
    const groups = await readGroups(machine);
    requireGroups(options, groups);
    const args = isThere ? usermodArguments(options) : useraddArguments(options, groups);
    if (args.length > 0)
      unwrap(await runTool(machine, [isThere ? 'usermod' : 'useradd', ...args, options.user]));
    else context.log(`${options.user} exists already and nothing of the account is to change`);
    unwrap(
      await mustRun(
        machine,
        shellCommand(HOME_SCRIPT, ...homeArguments(options, isThere)),
        'making the home folder',
      ),
    );
    if (options.authorizedKeys.length > 0) {
      const command = {
        ...shellCommand(KEYS_SCRIPT, options.user),
        stdin: `${options.authorizedKeys.join('\n')}\n`,
      };
      unwrap(await mustRun(machine, command, 'writing authorized_keys'));
    }
    if (options.sudo !== undefined) await allowSudo(options, machine);
  });
}

function requireGroups(options: UserOptions, groups: ReadonlyMap<string, number>): void {
  const primary = typeof options.group === 'string' ? [options.group] : [];
  const missing = [...primary, ...options.groups].filter((name) => !groups.has(name));
  if (missing.length === 0) return;
  throw new FailureError(
    ...missing.map((name) => {
      const near = nearestName(name, groups.keys());
      return {
        reason: 'step-failed' as const,
        message: `the group "${name}" does not exist in the image`,
        hint: near === undefined ? 'Make it in a `group` step below.' : `Did you mean "${near}"?`,
      };
    }),
  );
}

/** Arguments of useradd(8) for a new account. */
function useraddArguments(options: UserOptions, groups: ReadonlyMap<string, number>): string[] {
  // useradd refuses to make a group that is there; such a group becomes the primary one.
  const primary = options.group ?? (groups.has(options.user) ? options.user : undefined);
  return [
    ...(options.system ? ['--system'] : []),
    ...commonArguments(options),
    ...(primary === undefined ? ['--user-group'] : ['--gid', String(primary)]),
    ...(options.groups.length > 0 ? ['--groups', options.groups.join(',')] : []),
    ...(options.home === undefined ? ['--home-dir', `/home/${options.user}`] : ['--home-dir', options.home]),
    // The folder is made afterwards, in the same way for new and changed accounts.
    '--no-create-home',
    ...(options.shell !== undefined || !options.system ? [] : ['--shell', '/usr/sbin/nologin']),
  ];
}

/** Arguments of usermod(8); empty when nothing is to change. */
function usermodArguments(options: UserOptions): string[] {
  return [
    ...commonArguments(options),
    ...(options.group === undefined ? [] : ['--gid', String(options.group)]),
    ...(options.groups.length > 0 ? ['--append', '--groups', options.groups.join(',')] : []),
    ...(options.home === undefined ? [] : ['--home', options.home]),
  ];
}

function commonArguments(options: UserOptions): string[] {
  const given = {
    '--uid': options.uid,
    '--comment': options.comment,
    '--shell': options.shell,
    '--password': options.passwordHash,
  };
  return Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [] : [flag, String(value)]));
}

function homeArguments(options: UserOptions, isThere: boolean): string[] {
  const wantsHome = options.createHome ?? (!isThere && !options.system);
  const choosesShell = !isThere && options.shell === undefined && !options.system;
  return [options.user, wantsHome ? 'yes' : 'no', options.homeMode ?? '', choosesShell ? 'yes' : 'no'];
}

/** $1 user, $2 whether a home folder is wanted, $3 its mode, $4 whether to choose a login shell. */
const HOME_SCRIPT = `
if [ "$4" = yes ]; then
  shell=/bin/sh; [ ! -x /bin/bash ] || shell=/bin/bash
  [ "$(getent passwd "$1" | cut -d: -f7)" = "$shell" ] || usermod --shell "$shell" "$1"
fi
[ "$2" = yes ] || exit 0
home=$(getent passwd "$1" | cut -d: -f6)
gid=$(getent passwd "$1" | cut -d: -f4)
if [ ! -d "$home" ]; then
  mkdir -p "$home"
  [ ! -d /etc/skel ] || cp -a /etc/skel/. "$home/"
  chown -R "$1:$gid" "$home"
  mode=$(sed -n 's/^HOME_MODE[[:space:]]*//p' /etc/login.defs 2>/dev/null || true)
  chmod "\${3:-\${mode:-0755}}" "$home"
elif [ -n "$3" ]; then
  chmod "$3" "$home"
fi`;

/** $1 user; the keys come from standard input. */
const KEYS_SCRIPT = `
home=$(getent passwd "$1" | cut -d: -f6)
gid=$(getent passwd "$1" | cut -d: -f4)
mkdir -p "$home/.ssh"
cat > "$home/.ssh/authorized_keys"
chmod 0700 "$home/.ssh"
chmod 0600 "$home/.ssh/authorized_keys"
chown "$1:$gid" "$home/.ssh" "$home/.ssh/authorized_keys"`;

const sudoersFile = (user: string): string => `/etc/sudoers.d/90-${user}`;

async function allowSudo(options: UserOptions, machine: Machine): Promise<void> {
  const file = sudoersFile(options.user);
  if (options.sudo === false) {
    unwrap(await mustRun(machine, { argv: ['rm', '-f', file] }, 'rm'));
    return;
  }
  const rule = options.sudo === true ? 'ALL=(ALL:ALL) NOPASSWD: ALL' : (options.sudo ?? '');
  const command = { ...shellCommand(SUDO_SCRIPT, file), stdin: `${options.user} ${rule}\n` };
  unwrap(
    await mustRun(machine, command, `the sudo rule "${rule}"`, {
      hint: 'Rules need the package sudo in a step below; see sudoers(5).',
    }),
  );
}

/** $1 file; checked by sudo itself before it gets its name, because a wrong rule locks everyone out. */
const SUDO_SCRIPT = `
command -v visudo > /dev/null || { echo 'sudo is not installed in the image' >&2; exit 1; }
umask 0337
cat > "$1.new"
visudo --check --quiet --file "$1.new" || { rm -f "$1.new"; exit 1; }
mv -f "$1.new" "$1"`;
