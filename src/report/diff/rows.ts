import { DPKG_STATUS, parseDpkgStatus } from '../../layers/debian-packages.ts';
import type { LayerStore } from '../../layers/layer-store.ts';
import { rowHistory } from './layer-history.ts';
import type { NamedLayer } from './subject.ts';

/** Something with a name that was added (no `before`), removed (no `after`) or changed. */
export interface RowChange {
  readonly name: string;
  readonly before?: string;
  readonly after?: string;
  /** The step that did it, or whose result is no longer there. */
  readonly step?: string;
}

/** Packages by name; the values are versions. */
export const changedPackages = (sides: Sides): RowChange[] =>
  changedRows(sides, DPKG_STATUS, parseDpkgStatus);

/** Users by name, as `uid 33, gid 33, home /var/www, shell /bin/sh`. Passwords are never read. */
export const changedUsers = (sides: Sides): RowChange[] =>
  changedRows(sides, '/etc/passwd', (text) =>
    rowsOf(
      text,
      7,
      ([, , uid, gid, , home, shell]) => `uid ${uid}, gid ${gid}, home ${home}, shell ${shell}`,
    ),
  );

/** Groups by name, as `gid 44, members web, db`. */
export const changedGroups = (sides: Sides): RowChange[] =>
  changedRows(sides, '/etc/group', (text) =>
    rowsOf(text, 4, ([, , gid, members = '']) =>
      members === '' ? `gid ${gid}` : `gid ${gid}, members ${members.replaceAll(',', ', ')}`,
    ),
  );

/** Two stacks of layers, bottom first. */
export interface Sides {
  readonly store: LayerStore;
  readonly before: readonly NamedLayer[];
  readonly after: readonly NamedLayer[];
  /** Layers taken by themselves: one that does not have the file says nothing about its rows. */
  readonly partial: boolean;
}

function changedRows(
  { store, before, after, partial }: Sides,
  path: string,
  parse: (text: string) => ReadonlyMap<string, string>,
): RowChange[] {
  const old = rowHistory(store, before, path, parse);
  const now = rowHistory(store, after, path, parse);
  if (partial && !(old.exists && now.exists)) return [];
  const names = [...new Set([...old.rows.keys(), ...now.rows.keys()])].toSorted();
  return names.flatMap((name): RowChange[] => {
    const change = { name, before: old.rows.get(name), after: now.rows.get(name) };
    if (change.before === change.after) return [];
    const layer = now.changedBy.get(name) ?? old.changedBy.get(name);
    return [{ ...change, step: layer?.step }];
  });
}

/** Rows of a file of passwd(5)'s form by their first field; shorter ones are no rows. */
function rowsOf(
  text: string,
  fields: number,
  describe: (row: readonly string[]) => string,
): Map<string, string> {
  const rows = text.split('\n').map((line) => line.split(':'));
  return new Map(
    rows.flatMap((row): [string, string][] =>
      row.length < fields || row[0] === undefined ? [] : [[row[0], describe(row)]],
    ),
  );
}
