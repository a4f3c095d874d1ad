import { FailureError } from '../diagnostics/failure.ts';
import type { Owner } from '../model/tree-entry.ts';

/** One row of an image's /etc/passwd (passwd(5)). */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

export function parsePasswd(text: string): Account[] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length >= 7)
    .map(([name = '', , uid, gid, , home = '/', shell = '']) => ({
      name,
      uid: Number(uid),
      gid: Number(gid),
      home,
      shell,
    }));
}

/** Names and numbers of an image's /etc/group (group(5)). */
function parseGroups(text: string): Map<string, number> {
  const rows = text.split('\n').map((line) => line.split(':'));
  return new Map(
    rows.filter((fields) => fields.length >= 3).map(([name = '', , gid]) => [name, Number(gid)]),
  );
}

/** Looks up owners in one image; its files are read when the first name needs them. */
export class OwnerLookup {
  readonly #read: (path: string) => string | undefined;
  #users: Map<string, number> | undefined;
  #groups: Map<string, number> | undefined;

  constructor(read: (path: string) => string | undefined) {
    this.#read = read;
  }

  /** @throws FailureError `template-invalid` when the image has no such user */
  uid(owner: Owner): number {
    return numeric(owner) ?? this.#find('user', String(owner));
  }

  /** @throws FailureError `template-invalid` when the image has no such group */
  gid(group: Owner): number {
    return numeric(group) ?? this.#find('group', String(group));
  }

  #find(sort: 'user' | 'group', name: string): number {
    if (sort === 'user') this.#users ??= new Map(this.#accounts().map(({ name: user, uid }) => [user, uid]));
    else this.#groups ??= parseGroups(this.#read('/etc/group') ?? '');
    const table = (sort === 'user' ? this.#users : this.#groups) ?? new Map<string, number>();
    const id = table.get(name);
    if (id !== undefined) return id;
    throw new FailureError({
      reason: 'template-invalid',
      message: `the image has no ${sort} "${name}"`,
      hint: `Add a \`${sort}\` step before this one, or install the package that makes the ${sort}, or give a number.`,
    });
  }

  #accounts(): Account[] {
    return parsePasswd(this.#read('/etc/passwd') ?? '');
  }
}

function numeric(owner: Owner): number | undefined {
  if (owner === 'root' || owner === 0) return 0;
  if (typeof owner === 'number') return owner;
  return /^\d+$/.test(owner) ? Number(owner) : undefined;
}
