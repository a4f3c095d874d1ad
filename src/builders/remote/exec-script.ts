import { shellQuote } from '../../util/shell-quote.ts';
import type { ImageUser } from '../rootfs/image-user.ts';
import { asUser } from '../rootfs/image-user.ts';

/** Something to be seen while one program runs, gone afterwards. */
export type ScriptMount =
  /** An empty folder on the machine's disk. */
  | { readonly type: 'folder'; readonly target: string; readonly mode: number }
  /** A file in memory that belongs to the program's user. */
  | { readonly type: 'secret'; readonly target: string; readonly value: string; readonly mode: number }
  /** What was uploaded to `source`. */
  | { readonly type: 'uploaded'; readonly target: string; readonly source: string };

export interface ScriptRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Root when left out. */
  readonly user?: ImageUser;
  readonly stdin?: string;
  readonly mounts: readonly ScriptMount[];
  readonly network: 'host' | 'none';
  /** Makes names of temporary folders unique. */
  readonly id: string;
}

/** The command that runs a script which comes on standard input: what is in the script is in no process list. */
export const SCRIPT_COMMAND = `env -i /bin/sh -c 'PATH=/usr/sbin:/usr/bin:/sbin:/bin; eval "$(cat)"'`;

/** Exit code of a script whose surroundings could not be made; the reason is on standard error. */
export const NOT_PREPARED = 213;

/** The text of the script, run by root, that runs a program as asked. */
export function execScript(request: ScriptRequest): string {
  const { mounts, cwd } = request;
  const lines = [
    ...(mounts.length === 0 ? [] : mountLines(request)),
    ...Object.entries(request.env).map(([name, value]) => `export ${name}=${shellQuote(value)}`),
    `cd ${shellQuote(cwd)} || exit ${NOT_PREPARED}`,
    ...programLines(request),
    ...(mounts.length === 0 ? [] : ['code=$?', 'put_away', 'exit $code']),
  ];
  return `${lines.join('\n')}\n`;
}

/** The program itself; another user's with setpriv(1), or where the machine has none of util-linux with su(1). */
function programLines(request: ScriptRequest): string[] {
  const { user, argv, network, stdin, mounts } = request;
  const run = (words: readonly string[]): string => {
    const cut = network === 'none' ? ['unshare', '--net', '/bin/sh', '-c', LOOPBACK, 'sh'] : [];
    const line = [...cut, ...words].map(shellQuote).join(' ');
    if (stdin !== undefined) return `printf %s ${shellQuote(stdin)} | ${line}`;
    // In the shell's place, so that its end by a signal is seen as such.
    return `${mounts.length === 0 ? 'exec ' : ''}${line} </dev/null`;
  };
  if (user === undefined) return [run(argv)];
  const bySu = ['su', '-s', '/bin/sh', user.name, '-c', `exec ${argv.map(shellQuote).join(' ')}`];
  const hasSetpriv = 'setpriv --inh-caps=-all true 2>/dev/null';
  return [`if ${hasSetpriv}; then`, run(asUser(user, argv)), 'else', run(bySu), 'fi'];
}

const LOOPBACK = '{ ip link set lo up || ifconfig lo up; } 2>/dev/null; exec "$@"';

function mountLines({ mounts, user, id }: ScriptRequest): string[] {
  const owner = `${user?.uid ?? 0}:${user?.gid ?? 0}`;
  const lines = mounts.map((mount, index): string => {
    const target = shellQuote(mount.target);
    switch (mount.type) {
      case 'folder':
        return `mkdir "$disk/${index}" && chmod ${mount.mode.toString(8)} "$disk/${index}" && show "$disk/${index}" ${target}`;
      case 'secret':
        return `(umask 077; printf %s ${shellQuote(mount.value)} >"$memory/${index}") && chmod ${mount.mode.toString(8)} "$memory/${index}" && chown ${owner} "$memory/${index}" && show "$memory/${index}" ${target}`;
      case 'uploaded':
        return `chown -R 0:0 ${shellQuote(mount.source)} && show ${shellQuote(mount.source)} ${target}`;
    }
  });
  return [...surroundings(id), ...lines.map((line) => `{ ${line}; } || exit ${NOT_PREPARED}`)];
}

/** Programs of the machine that `surroundings` calls: coreutils have them, and busybox. */
const NEEDED = ['chmod', 'chown', 'ln', 'ls', 'mkdir', 'rm', 'rmdir'];

/**
 * `show` lets a target lead to what is to be seen there, unless the machine has a folder there already, which then is
 * used as it is; `put_away` takes everything back. `disk` and `memory` are folders that others cannot list.
 */
function surroundings(id: string): string[] {
  return [
    `for program in ${NEEDED.join(' ')}; do
  command -v "$program" >/dev/null && continue
  echo "it has no $program; to show files to a program takes ${NEEDED.join(', ')}" >&2; exit ${NOT_PREPARED}
done`,
    `disk=/var/tmp/imgpipe-${id} memory=/dev/shm/imgpipe-${id} shown= made=`,
    `[ -d /dev/shm ] || memory=/run/imgpipe-${id}`,
    `put_away() {
  for item in $shown; do rm -f "$item"; done
  for item in $made; do rmdir "$item" 2>/dev/null; done
  rm -rf "$disk" "$memory"
}
trap put_away EXIT
trap 'exit 143' HUP INT TERM
folder() {
  [ -d "\${1:-/}" ] && return 0
  folder "\${1%/*}" && mkdir -m 755 "$1" && made="$1
$made"
}
show() {
  folder "\${2%/*}" || return 1
  if [ -d "$2" ] && [ ! -L "$2" ]; then
    [ -d "$1" ] && [ -z "$(ls -A "$1")" ] && return 0
    echo "$2 is a folder of the machine, so nothing can be shown in its place" >&2; return 1
  fi
  if [ -e "$2" ] || [ -L "$2" ]; then
    echo "$2 exists on the machine, so nothing can be shown in its place" >&2; return 1
  fi
  ln -s "$1" "$2" && shown="$2
$shown"
}
IFS='
'`,
    `mkdir -m 711 "$disk" "$memory" || exit ${NOT_PREPARED}`,
  ];
}
