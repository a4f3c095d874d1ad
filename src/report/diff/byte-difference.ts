import { closeSync, openSync, readSync } from 'node:fs';

/** Where and how the contents of two files differ. */
export interface ByteDifference {
  /** Offset of the first byte that differs. */
  readonly offset: number;
  /** Bytes that differ at the same offset, and those that only the longer file has. */
  readonly bytes: number;
  /** Line of the first difference, from 1; only for text. */
  readonly line?: number;
  /** What stands there: the line of a text, else hexadecimal bytes. */
  readonly before: string;
  readonly after: string;
}

const PIECE = 1024 * 1024;
const SHOWN_TEXT = 160;
const SHOWN_BYTES = 16;

/**
 * Compares two files byte by byte, in pieces. Undefined when they hold the same.
 * @throws an error of the file system when one cannot be read
 */
export function compareBytes(before: Buffer, after: Buffer): ByteDifference | undefined {
  const files = [openSync(before, 'r'), openSync(after, 'r')] as const;
  try {
    const pieces = [Buffer.alloc(PIECE), Buffer.alloc(PIECE)] as const;
    let bytes = 0;
    let offset: number | undefined;
    let lines = 1;
    for (let at = 0; ; at += PIECE) {
      const old = pieces[0].subarray(0, readFully(files[0], pieces[0], at));
      const now = pieces[1].subarray(0, readFully(files[1], pieces[1], at));
      if (old.length === 0 && now.length === 0) break;
      if (old.equals(now)) {
        if (offset === undefined) lines += count(old, old.length);
        continue;
      }
      for (let i = 0; i < Math.max(old.length, now.length); i += 1) {
        if (old[i] === now[i]) continue;
        bytes += 1;
        if (offset !== undefined) continue;
        offset = at + i;
        lines += count(old, Math.min(i, old.length));
      }
    }
    if (offset === undefined) return undefined;
    return { offset, bytes, ...excerpts(files, offset, lines) };
  } finally {
    for (const file of files) closeSync(file);
  }
}

function excerpts(
  files: readonly [number, number],
  offset: number,
  line: number,
): Pick<ByteDifference, 'line' | 'before' | 'after'> {
  // The line begins somewhere before the difference.
  const start = Math.max(0, offset - SHOWN_TEXT);
  const parts = files.map((file) => {
    const buffer = Buffer.alloc(2 * SHOWN_TEXT);
    return buffer.subarray(0, readFully(file, buffer, start));
  });
  if (parts.every(isText)) {
    const [before = '', after = ''] = parts.map((part) => lineAt(part, offset - start));
    return { line, before, after };
  }
  const [before = '', after = ''] = parts.map((part) =>
    part.subarray(offset - start, offset - start + SHOWN_BYTES).toString('hex'),
  );
  return { before, after };
}

function lineAt(part: Buffer, at: number): string {
  const from = at === 0 ? 0 : part.lastIndexOf(10, at - 1) + 1;
  const end = part.indexOf(10, Math.min(at, part.length));
  return part
    .subarray(from, end === -1 ? undefined : end)
    .toString('utf8')
    .slice(0, SHOWN_TEXT);
}

function isText(bytes: Buffer): boolean {
  return bytes.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13 || byte === 27);
}

function count(bytes: Buffer, length: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1 && at < length; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}

/** Reads as much as there is, up to the buffer's size. */
function readFully(file: number, buffer: Buffer, position: number): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(file, buffer, length, buffer.length - length, position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}
