import { createHash } from 'node:crypto';

declare const sealed: unique symbol;

/** Name of a format, and the type of what its texts hold. */
export type SealFormat<T> = string & { readonly [sealed]?: T };

/**
 * A value as text of our own making: a line with a format name and the SHA-256 of the rest, then JSON. Whatever opens
 * was written whole by the same format of imgpipe; bit flips and truncation do not.
 */
export function sealJson<T>(format: SealFormat<T>, value: T): string {
  const json = JSON.stringify(value);
  return `${format} ${digest(json)}\n${json}`;
}

/**
 * The value that `sealJson` was given, or undefined for any other text. The seal stands for a schema: its format name is
 * raised whenever the type changes.
 */
export function openSealedJson<T>(format: SealFormat<T>, text: string): T | undefined {
  const end = text.indexOf('\n');
  const json = text.slice(end + 1);
  if (end === -1 || text.slice(0, end) !== `${format} ${digest(json)}`) return undefined;
  return JSON.parse(json) as T;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
