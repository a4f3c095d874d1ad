/** A value of Go's template language, as far as templates of Packer meet one. `null` prints as `<no value>`. */
export type GoValue =
  string | number | boolean | null | readonly GoValue[] | { readonly [name: string]: GoValue };

export interface GoFunction {
  /** Fewest and most arguments. */
  readonly arity: readonly [least: number, most: number];
  /** Throws `GoCallError` for arguments it can do nothing with. */
  readonly call: (args: readonly GoValue[]) => GoValue;
}

export type GoFunctions = ReadonlyMap<string, GoFunction>;

/** A call that has no result; the message is a clause for the user. */
export class GoCallError extends Error {
  override readonly name = 'GoCallError';
}

export function isTrue(value: GoValue | undefined): boolean {
  if (value === null || value === undefined) return false;
  if (typeof value === 'object') return Object.keys(value).length > 0;
  return value !== '' && value !== 0 && value !== false;
}

/** What Go prints for a value. */
export function printGo(value: GoValue): string {
  if (value === null) return '<no value>';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${(value as readonly GoValue[]).map(printGo).join(' ')}]`;
  return `map[${Object.entries(value)
    .toSorted()
    .map(([key, item]) => `${key}:${printGo(item)}`)
    .join(' ')}]`;
}
