/**
 * JSON of a value that is nothing but plain data, or undefined when any part of it is something else (a function, a
 * class instance, NaN, a cycle), which JSON would drop or change. `undefined` fields count as absent.
 */
export function plainJson(value: unknown): string | undefined {
  return isPlain(value, 0) ? JSON.stringify(value) : undefined;
}

const DEEPEST = 100;

function isPlain(value: unknown, depth: number): boolean {
  if (depth > DEEPEST) return false;
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (Array.isArray(value)) return value.every((item) => item !== undefined && isPlain(item, depth + 1));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return false;
  if ('toJSON' in value || Object.getOwnPropertySymbols(value).length > 0) return false;
  return Object.values(value).every((item) => isPlain(item, depth + 1));
}
