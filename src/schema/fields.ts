import * as z from 'zod';
import { parseDuration, parseSize } from './units.ts';

export { parseDuration, parseSize };

/** A size: bytes as a number, or text with a unit; gives bytes. */
export function sizeField() {
  return z.union([z.number().int().nonnegative(), z.string()]).transform((value, context) => {
    const bytes = typeof value === 'number' ? value : parseSize(value);
    if (bytes !== undefined) return bytes;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(value)} is not a size such as 512MiB or 20GB`,
    });
    return z.NEVER;
  });
}

/** A time span: seconds as a number, or text with units; gives milliseconds. */
export function durationField() {
  return z.union([z.number().nonnegative(), z.string()]).transform((value, context) => {
    const milliseconds = typeof value === 'number' ? value * 1000 : parseDuration(value);
    if (milliseconds !== undefined) return milliseconds;
    context.addIssue({
      code: 'custom',
      message: `${JSON.stringify(value)} is not a duration such as 90s, 10m or 1h30m`,
    });
    return z.NEVER;
  });
}
