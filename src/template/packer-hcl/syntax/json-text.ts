import { Cursor, SyntaxProblem } from './cursor.ts';
import type { Span } from './source-text.ts';
import { type SourceText } from './source-text.ts';
import { type Result } from '../../../diagnostics/failure.ts';

/** A JSON value that knows where it was written. Numbers keep their digits. */
export type JsonNode =
  | { readonly type: 'object'; readonly span: Span; readonly members: readonly JsonMember[] }
  | { readonly type: 'array'; readonly span: Span; readonly items: readonly JsonNode[] }
  | JsonString
  | { readonly type: 'number'; readonly span: Span; readonly text: string }
  | { readonly type: 'keyword'; readonly span: Span; readonly value: boolean | null };

export interface JsonString {
  readonly type: 'string';
  readonly span: Span;
  readonly value: string;
}

export interface JsonMember {
  readonly key: JsonString;
  readonly value: JsonNode;
}

const BLANKS = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const KEYWORD = /true|false|null/y;

/** Reads a JSON text (RFC 8259). Fails with `template-syntax` at the first place that is not JSON. */
export function parseJsonText(source: SourceText): Result<JsonNode> {
  const reader = new JsonReader(source);
  try {
    return { ok: true, value: reader.document() };
  } catch (error) {
    if (error instanceof SyntaxProblem) return { ok: false, failures: error.failures };
    throw error;
  }
}

class JsonReader {
  readonly #cursor: Cursor;
  readonly #text: string;
  #at = 0;

  constructor(source: SourceText) {
    this.#cursor = new Cursor(source);
    this.#text = source.text;
  }

  document(): JsonNode {
    const value = this.#value();
    this.#match(BLANKS);
    if (this.#at < this.#text.length) this.#fail('Extra characters after the JSON value.');
    return value;
  }

  #value(): JsonNode {
    this.#match(BLANKS);
    const start = this.#at;
    const sign = this.#text[start];
    if (sign === '{') return this.#cursor.nested(() => this.#object(start), start);
    if (sign === '[') return this.#cursor.nested(() => this.#array(start), start);
    if (sign === '"') return this.#string();
    const number = this.#match(NUMBER);
    if (number) return { type: 'number', span: this.#span(start), text: number };
    const word = this.#match(KEYWORD);
    if (word)
      return { type: 'keyword', span: this.#span(start), value: word === 'null' ? null : word === 'true' };
    return this.#fail(
      sign === undefined
        ? 'The JSON text ends too early.'
        : `Invalid JSON: expected a value, but found ${JSON.stringify(sign)}.`,
    );
  }

  #object(start: number): JsonNode {
    this.#at += 1;
    const members: JsonMember[] = [];
    while (!this.#takeSign('}')) {
      if (members.length > 0) this.#expect(',', 'a comma between the properties');
      this.#match(BLANKS);
      if (this.#text[this.#at] !== '"') this.#fail('Invalid JSON: expected a property name in quotes.');
      const key = this.#string();
      this.#expect(':', 'a colon after the property name');
      members.push({ key, value: this.#value() });
    }
    return { type: 'object', span: this.#span(start), members };
  }

  #array(start: number): JsonNode {
    this.#at += 1;
    const items: JsonNode[] = [];
    while (!this.#takeSign(']')) {
      if (items.length > 0) this.#expect(',', 'a comma between the items');
      items.push(this.#value());
    }
    return { type: 'array', span: this.#span(start), items };
  }

  #string(): JsonString {
    const start = this.#at;
    const end = endOfJsonString(this.#text, start);
    const raw = end === -1 ? '' : this.#text.slice(start, end);
    if (end === -1) this.#fail('Invalid JSON: the string is not closed, or holds a raw control character.');
    this.#at = end;
    return { type: 'string', span: this.#span(start), value: decodeString(raw, () => this.#failAt(start)) };
  }

  #failAt(start: number): never {
    this.#at = start;
    return this.#fail('Invalid JSON: the string holds an invalid escape.');
  }

  #takeSign(sign: string): boolean {
    this.#match(BLANKS);
    if (this.#text[this.#at] !== sign) return false;
    this.#at += 1;
    return true;
  }

  #expect(sign: string, what: string): void {
    if (!this.#takeSign(sign)) this.#fail(`Invalid JSON: expected ${what}.`);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }

  #span(start: number): Span {
    return this.#cursor.span(start, this.#at);
  }

  #fail(message: string): never {
    return this.#cursor.fail(message, this.#at, this.#at + 1);
  }
}

/** The offset after the closing quote, or -1. No regular expression: strings may be as long as the file. */
function endOfJsonString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 34) return at + 1;
    if (code === 92) at += 1;
    else if (code < 32) return -1;
  }
  return -1;
}

function decodeString(raw: string, fail: () => never): string {
  if (!raw.includes('\\')) return raw.slice(1, -1);
  try {
    const value: unknown = JSON.parse(raw);
    return typeof value === 'string' ? value : fail();
  } catch {
    return fail();
  }
}

/** Where each place of a decoded string stands in the file, for messages about templates in JSON strings. */
export function jsonStringOffsets(node: JsonString): (offset: number) => number {
  const { source, start } = node.span;
  const raw = node.span.text;
  if (!raw.includes('\\')) return (offset) => start + 1 + offset;
  const offsets: number[] = [];
  for (let at = 1; at < raw.length - 1;) {
    offsets.push(start + at);
    at += raw[at] !== '\\' ? 1 : raw[at + 1] === 'u' ? 6 : 2;
  }
  return (offset) => offsets[offset] ?? Math.min(start + raw.length - 1, source.text.length);
}
