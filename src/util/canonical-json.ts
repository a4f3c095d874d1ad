/**
 * JSON with object keys sorted and `undefined` fields left out: equal values give equal text (RFC 8785 in spirit;
 * numbers as ECMAScript prints them).
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  // No prototype, so that a field called `__proto__` is a field like any other.
  const record = Object.create(null) as Record<string, unknown>;
  for (const key of Object.keys(value).toSorted()) {
    record[key] = sorted((value as Record<string, unknown>)[key]);
  }
  return record;
}
