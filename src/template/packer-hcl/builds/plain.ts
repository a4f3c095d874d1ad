import type { BigFloat } from '../values/big-float.ts';
import type { Type } from '../values/type.ts';
import { UNKNOWN, type Value, entriesOf, itemsOf } from '../values/value.ts';

/**
 * A value as plain data: what a kind's check gets. Null is undefined; what is not known yet is a placeholder of its
 * type, as Packer hands it to its plugins.
 */
export function toPlain(value: Value): unknown {
  const { data } = value;
  if (data === null) return undefined;
  if (data === UNKNOWN) return placeholder(value.type);
  if (typeof data === 'string' || typeof data === 'boolean') return data;
  const items = itemsOf(value);
  if (items !== undefined) return items.map(toPlain);
  const entries = entriesOf(value);
  if (entries !== undefined)
    return Object.fromEntries([...entries].map(([key, item]) => [key, toPlain(item)]));
  return (data as BigFloat).toNumber();
}

function placeholder(type: Type): unknown {
  switch (type.kind) {
    case 'number':
      return 0;
    case 'bool':
      return false;
    case 'list':
    case 'set':
      return [];
    case 'tuple':
      return type.elements.map(placeholder);
    case 'map':
      return {};
    case 'object':
      return Object.fromEntries([...type.attributes].map(([name, inner]) => [name, placeholder(inner)]));
    default:
      return '<unknown>';
  }
}
