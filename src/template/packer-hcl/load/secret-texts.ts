import { type Value, entriesOf, itemsOf } from '../values/value.ts';

/** Every text of a sensitive value, and its lines when it has several. */
export function textsOf(value: Value): string[] {
  const { data } = value;
  if (typeof data === 'string')
    return [data, ...(data.includes('\n') ? data.split('\n') : [])].filter((text) => text.trim() !== '');
  return [...(itemsOf(value) ?? entriesOf(value)?.values() ?? [])].flatMap(textsOf);
}
