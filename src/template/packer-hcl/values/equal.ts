import { sameType } from './type.ts';
import { UNKNOWN, type Value, entriesOf, identityOf, isNumber, itemsOf } from './value.ts';

/** Whether two values are equal; undefined when that depends on something unknown. Types are not converted. */
export function equalValues(left: Value, right: Value): boolean | undefined {
  if (left === right && left.whollyKnown) return true;
  if (left.data === UNKNOWN || right.data === UNKNOWN) return undefined;
  if (left.data === null || right.data === null) return left.data === right.data;
  if (!sameType(left.type, right.type) && left.whollyKnown && right.whollyKnown) return false;
  if (isNumber(left) && isNumber(right)) return left.data.compare(right.data) === 0;
  const items = itemsOf(left);
  const otherItems = itemsOf(right);
  if (items !== undefined && otherItems !== undefined) {
    if (left.type.kind === 'set' && left.whollyKnown && right.whollyKnown) return sameSet(items, otherItems);
    if (items.length !== otherItems.length) return false;
    return all(items.map((item, index) => () => equalValues(item, otherItems[index]!)));
  }
  const entries = entriesOf(left);
  const otherEntries = entriesOf(right);
  if (entries !== undefined && otherEntries !== undefined) {
    if (entries.size !== otherEntries.size) return false;
    const names = [...entries.keys()];
    if (!names.every((name) => otherEntries.has(name))) return false;
    return all(names.map((name) => () => equalValues(entries.get(name)!, otherEntries.get(name)!)));
  }
  return left.data === right.data;
}

function sameSet(left: readonly Value[], right: readonly Value[]): boolean {
  const known = new Set(left.map(identityOf));
  return left.length === right.length && right.every((item) => known.has(identityOf(item)));
}

function all(checks: readonly (() => boolean | undefined)[]): boolean | undefined {
  let result: boolean | undefined = true;
  for (const check of checks) {
    const equal = check();
    if (equal === false) return false;
    if (equal === undefined) result = undefined;
  }
  return result;
}
