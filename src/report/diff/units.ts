import type { EntryChange } from '../../layers/compare-layers.ts';
import { textOf } from '../../layers/manifest.ts';
import type { ViewIndex } from '../../layers/view-index.ts';
import type { RowChange } from './rows.ts';

/** Where units lie, the strongest first (systemd.unit(5)). */
const FOLDERS = ['/etc/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system'];

const UNIT = /^(?<name>[^/]+\.(?:service|socket|timer|target|path|mount|automount|swap|slice))$/;

/**
 * systemd units whose state differs: `enabled`, `disabled` (there, but nothing starts it), `masked`; a unit whose file
 * has other content is named too.
 * @param stepOf the step behind a change
 */
export function changedUnits(
  before: ViewIndex,
  after: ViewIndex,
  changes: readonly EntryChange[],
  stepOf: (change: EntryChange) => string | undefined,
): RowChange[] {
  const touched = new Map<string, EntryChange>();
  for (const change of changes) {
    const name = unitOf(textOf(change.path));
    if (name !== undefined && !isTimeOnly(change)) touched.set(name, change);
  }
  return [...touched].toSorted(byName).flatMap(([name, change]): RowChange[] => {
    const row = { name, before: stateOf(before, name), after: stateOf(after, name), step: stepOf(change) };
    if (row.before !== row.after) return [row];
    if (row.before === undefined) return [];
    return [{ ...row, after: `${row.before}, its files changed` }];
  });
}

const byName = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : 1;

const isTimeOnly = (change: EntryChange): boolean => change.aspects.join() === 'time';

/** The unit that a file of a unit folder, a link that enables it, or a drop-in belongs to. */
function unitOf(path: string): string | undefined {
  const folder = FOLDERS.find((each) => path.startsWith(`${each}/`));
  const [first = '', second, ...rest] = folder === undefined ? [] : path.slice(folder.length + 1).split('/');
  if (rest.length > 0) return undefined;
  if (second === undefined) return UNIT.exec(first)?.groups?.['name'];
  if (/\.(?:wants|requires)$/.test(first)) return UNIT.exec(second)?.groups?.['name'];
  return first.endsWith('.d') ? UNIT.exec(first.slice(0, -2))?.groups?.['name'] : undefined;
}

function stateOf(view: ViewIndex, name: string): string | undefined {
  const found = FOLDERS.map((folder) => view.lookup(`${folder}/${name}`)?.entry).find(
    (entry) => entry !== undefined,
  );
  if (found?.type === 'symlink' && found.target === '/dev/null') return 'masked';
  const enabling = view
    .list('/etc/systemd/system')
    .filter(({ path, type }) => type === 'directory' && /\.(?:wants|requires)$/.test(path))
    .some(({ path }) => view.lookup(`${path}/${name}`) !== undefined);
  if (enabling) return 'enabled';
  return found === undefined ? undefined : 'disabled';
}
