import { type Value, entriesOf, itemsOf } from '../values/value.ts';

/**
 * A value as YAML the way Go's emitter lays it out: keys and strings in double quotes, text of many lines as
 * literal blocks, sequences not indented under their key.
 */
export function encodeYaml(value: Value): string {
  const items = itemsOf(value);
  const entries = entriesOf(value);
  if (items !== undefined && items.length > 0) return sequenceLines(items, '').join('\n') + '\n';
  if (entries !== undefined && entries.size > 0) return mappingLines(entries, '').join('\n') + '\n';
  const text = scalar(value, '  ', 0);
  const plain = items === undefined && entries === undefined && typeof value.data !== 'string';
  return plain ? `${text}\n...\n` : `${text}\n`;
}

function mappingLines(entries: ReadonlyMap<string, Value>, indent: string): string[] {
  return [...entries].flatMap(([key, value]) => {
    const head = `${indent}${quoted(key, indent, Number.NEGATIVE_INFINITY)}:`;
    const items = itemsOf(value);
    const inner = entriesOf(value);
    if (items !== undefined && items.length > 0) return [head, ...sequenceLines(items, indent)];
    if (inner !== undefined && inner.size > 0) return [head, ...mappingLines(inner, `${indent}  `)];
    return [`${head} ${scalar(value, `${indent}  `, head.length + 1)}`];
  });
}

function sequenceLines(values: readonly Value[], indent: string): string[] {
  return values.flatMap((value) => {
    const items = itemsOf(value);
    const inner = entriesOf(value);
    const deeper = `${indent}  `;
    if (items !== undefined && items.length > 0) return withDash(sequenceLines(items, deeper), indent);
    if (inner !== undefined && inner.size > 0) return withDash(mappingLines(inner, deeper), indent);
    return [`${indent}- ${scalar(value, deeper, indent.length + 2)}`];
  });
}

function withDash(lines: readonly string[], indent: string): string[] {
  const [first = '', ...rest] = lines;
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
}

function scalar(value: Value, indent: string, column: number): string {
  const { data } = value;
  if (data === null) return 'null';
  if (typeof data === 'string') return isBlock(data) ? block(data, indent) : quoted(data, indent, column);
  if (itemsOf(value) !== undefined) return '[]';
  if (entriesOf(value) !== undefined) return '{}';
  return String(data);
}

/** Text of several lines is a literal block, unless a block could not hold it as it is. */
function isBlock(text: string): boolean {
  return (
    text.includes('\n') && !/[ \t]\n|[ \t]$/.test(text) && !NOT_PRINTABLE.test(text.replaceAll('\n', ''))
  );
}

function block(text: string, indent: string): string {
  const hint = /^[ \n]/.test(text) ? '2' : '';
  const chomp = !text.endsWith('\n') ? '-' : text.endsWith('\n\n') || text === '\n' ? '+' : '';
  const lines = text.replace(/\n$/, '').split('\n');
  return `|${hint}${chomp}\n${lines.map((line) => (line === '' ? '' : indent + line)).join('\n')}`;
}

const NOT_PRINTABLE = /[^\t\x20-\x7e\u0085\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;
const WIDTH = 80;
const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '0',
  '\u0007': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\u001b': 'e',
  '"': '"',
  '\\': '\\',
  '\u0085': 'N',
  '\u00a0': '_',
  '\u2028': 'L',
  '\u2029': 'P',
};

/** A string in double quotes; past column 80 it goes on in a new line at the next single blank. */
function quoted(text: string, indent: string, start: number): string {
  const characters = [...text];
  let result = '"';
  let column = start + 1;
  let afterBlank = false;
  for (const [index, character] of characters.entries()) {
    const escape = ESCAPES[character];
    const blank = character === ' ';
    let written = character;
    if (escape !== undefined) written = `\\${escape}`;
    else if (NOT_PRINTABLE.test(character)) written = hexEscape(character.codePointAt(0) ?? 0);
    else if (blank && !afterBlank && column > WIDTH && index > 0 && index < characters.length - 1) {
      written = `\n${indent}${characters[index + 1] === ' ' ? '\\' : ''}`;
      column = indent.length - written.length;
    }
    result += written;
    column += written.length;
    afterBlank = blank;
  }
  return `${result}"`;
}

function hexEscape(code: number): string {
  if (code <= 0xff) return `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
  if (code <= 0xffff) return `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  return `\\U${code.toString(16).toUpperCase().padStart(8, '0')}`;
}
