import { FailureError } from '../../diagnostics/failure.ts';
import { parsePasswd } from '../../layers/owners.ts';

/** Whom a program runs as. */
export interface ImageUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * Looks a user up in an image's own /etc/passwd. A number that has no row there is taken as it is.
 * @throws FailureError `step-failed` for a name that does not exist
 */
export function findImageUser(user: string, passwd: string): ImageUser {
  const accounts = parsePasswd(passwd);
  const number = /^\d+$/.test(user) ? Number(user) : undefined;
  const account = accounts.find(({ name, uid }) => name === user || uid === number);
  if (account !== undefined) return account;
  if (number !== undefined) return { name: user, uid: number, gid: number, home: '/' };
  throw new FailureError({
    reason: 'step-failed',
    message: `the image has no user "${user}"`,
    hint: 'Add a `user` step before this one, or give a numeric id.',
  });
}

/** The command that runs `argv` as a user without any capability, by setpriv(1) of the image (util-linux). */
export function asUser(user: ImageUser, argv: readonly string[]): readonly string[] {
  const ids = [`--reuid=${user.uid}`, `--regid=${user.gid}`];
  const groups = /^\d+$/.test(user.name) ? '--clear-groups' : '--init-groups';
  return ['setpriv', ...ids, groups, '--inh-caps=-all', '--', ...argv];
}
