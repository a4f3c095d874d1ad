import { readFileSync } from 'node:fs';
import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import { fail, type Result } from '../diagnostics/failure.ts';

/** Text of a UTF-8 file, without byte order mark. A file that is missing, not readable or not UTF-8 is a failure. */
export function readText(file: string, reason: FailureReason): Result<string> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    const texts: Readonly<Record<string, string>> = {
      ENOENT: 'does not exist',
      EACCES: 'cannot be read: permission denied',
      EISDIR: 'is a folder, not a file',
    };
    return fail({ reason, message: `${file} ${texts[code] ?? `cannot be read: ${code}`}`, cause: error });
  }
  try {
    return { ok: true, value: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch (error) {
    const line = countLines(bytes);
    return fail({
      reason,
      message: 'the file is not valid UTF-8',
      origin: { file, line, column: 1 },
      hint: 'Save it as UTF-8.',
      cause: error,
    });
  }
}

/** The line (from 1) on which the first bytes that are no UTF-8 lie. */
function countLines(bytes: Buffer): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const end = bytes.indexOf(10, start);
    const part = bytes.subarray(start, end < 0 ? undefined : end);
    if (!part.equals(Buffer.from(part.toString('utf8')))) return line;
    if (end < 0) break;
    start = end + 1;
  }
  return line;
}
