import { isUtf8 } from 'node:buffer';
import { type Failure, type Result, fail } from '../../../diagnostics/failure.ts';
import type { SourceRange } from '../../../diagnostics/source-range.ts';

/**
 * One text with the name of the file it came from. A text that was decoded out of another one (a string of the
 * JSON form) keeps its `outer` place, so ranges always speak of the file the user wrote.
 */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #outer: OuterPlace | undefined;
  #lineStarts: number[] | undefined;

  constructor(file: string, text: string, outer?: OuterPlace) {
    this.file = file;
    this.text = text;
    this.#outer = outer;
  }

  /** The range between two offsets; lines and columns count from 1, columns in UTF-16 units. */
  range(start: number, end: number): SourceRange {
    if (this.#outer !== undefined) {
      return this.#outer.source.range(this.#outer.offsetOf(start), this.#outer.offsetOf(end));
    }
    const from = this.#position(start);
    const to = this.#position(end);
    return { file: this.file, line: from.line, column: from.column, endLine: to.line, endColumn: to.column };
  }

  #position(offset: number): { line: number; column: number } {
    const starts = (this.#lineStarts ??= lineStartsOf(this.text));
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }
}

export interface OuterPlace {
  readonly source: SourceText;
  /** Where a place of the inner text stands in the outer one. */
  readonly offsetOf: (offset: number) => number;
}

/** A part of a source. Small on purpose: a file may have millions; the range is worked out when asked for. */
export class Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;

  constructor(source: SourceText, start: number, end: number) {
    this.source = source;
    this.start = start;
    this.end = end;
  }

  get range(): SourceRange {
    return this.source.range(this.start, this.end);
  }

  get text(): string {
    return this.source.text.slice(this.start, this.end);
  }

  /** From the start of this span to the end of the other. */
  to(other: Span): Span {
    return new Span(this.source, this.start, Math.max(this.end, other.end));
  }
}

/**
 * Decodes a file's bytes as UTF-8 and drops a byte order mark.
 * Fails with `template-syntax` at the first byte that is not UTF-8 and for files too large for one string.
 */
export function decodeSource(file: string, bytes: Uint8Array): Result<SourceText> {
  if (bytes.length > 500_000_000) {
    return fail({ reason: 'template-syntax', message: `The file ${file} is too large to be a template.` });
  }
  if (!isUtf8(bytes)) return fail(invalidUtf8(file, bytes));
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return { ok: true, value: new SourceText(file, text.startsWith('\uFEFF') ? text.slice(1) : text) };
}

function invalidUtf8(file: string, bytes: Uint8Array): Failure {
  let line = 1;
  let start = 0;
  for (;;) {
    const newline = bytes.indexOf(10, start);
    const end = newline === -1 ? bytes.length : newline;
    const part = bytes.subarray(start, end);
    if (!isUtf8(part) || newline === -1) {
      const column = validPrefix(part).length + 1;
      return {
        reason: 'template-syntax',
        message: 'Invalid character encoding: the file is not valid UTF-8.',
        origin: { file, line, column, endLine: line, endColumn: column + 1 },
        hint: 'Save the file as UTF-8.',
      };
    }
    line += 1;
    start = newline + 1;
  }
}

function validPrefix(line: Uint8Array): string {
  let low = 0;
  let high = line.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (isUtf8(completeCharacters(line.subarray(0, middle)))) low = middle;
    else high = middle - 1;
  }
  return Buffer.from(completeCharacters(line.subarray(0, low))).toString('utf8');
}

/** Drops a character cut at the end. */
function completeCharacters(bytes: Uint8Array): Uint8Array {
  let lead = bytes.length - 1;
  while (lead >= 0 && bytes.length - lead < 4 && (bytes[lead]! & 0xc0) === 0x80) lead -= 1;
  if (lead < 0) return bytes;
  const byte = bytes[lead]!;
  const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
  return bytes.length - lead < length ? bytes.subarray(0, lead) : bytes;
}

function lineStartsOf(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}
