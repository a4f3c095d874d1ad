/**
 * GNU tar's options for a tree that another machine shall get as it is: numeric owners, extended attributes, and no
 * field that differs from one run to the next. By default the names of pax headers hold tar's process id, and the
 * headers themselves times of access and change.
 */
export const TREE_TAR = [
  'tar --create --format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime',
  "--numeric-owner --xattrs --xattrs-include='*' --xattrs-exclude='user.overlay.*' --xattrs-exclude='security.selinux'",
].join(' ');

/** GNU tar's options for a package of plain files: nobody's, all of one time. `$epoch` must be set. */
export const PLAIN_TAR =
  'tar --create --format=ustar --owner=0 --group=0 --numeric-owner --mode=u=rw,go=r,a+X --mtime="@$epoch"';

/**
 * A pipe into the file `$out` whose first command may fail: a plain shell only sees the last one. The first one's failure
 * comes out beside the pipe, and it ends the script with the same status.
 */
export function pipeTo(producer: string, consumers: string): string {
  return `failed=$({ { ${producer} || echo $? >&3; } | { ${consumers}; } >"$out" 3>&-; } 3>&1)\ntest -z "$failed" || exit "$failed"`;
}
