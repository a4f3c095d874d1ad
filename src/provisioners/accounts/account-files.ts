import type { Machine } from '../../builders/machine.ts';

/** A line of /etc/passwd (passwd(5)). */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** Accounts of the image by name. */
export async function readPasswd(machine: Machine): Promise<ReadonlyMap<string, PasswdEntry>> {
  const lines = await fieldsOf(machine, '/etc/passwd');
  return new Map(
    lines.map(([name = '', , uid, gid, , home = '/']) => [
      name,
      { name, uid: Number(uid), gid: Number(gid), home },
    ]),
  );
}

/** Group ids of the image by name. */
export async function readGroups(machine: Machine): Promise<ReadonlyMap<string, number>> {
  const lines = await fieldsOf(machine, '/etc/group');
  return new Map(lines.map(([name = '', , gid]) => [name, Number(gid)]));
}

async function fieldsOf(machine: Machine, path: string): Promise<string[][]> {
  const text = (await machine.readFile(path)) ?? '';
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.split(':')]));
}
