/** JSON as Go writes it: what could be HTML escaped. @param indent two blanks for each level, or all on one line */
export const goJson = (value: unknown, indent: boolean): string =>
  JSON.stringify(value, undefined, indent ? 2 : undefined).replaceAll(
    /[<>&\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/** A map with its entries in the order in which Go writes them. */
export const goMap = (entries: readonly (readonly [string, string])[]): Record<string, string> =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
