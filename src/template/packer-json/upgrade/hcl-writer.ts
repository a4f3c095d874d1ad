import { isIdentifier } from '../../packer-hcl/syntax/token.ts';
import { type JsonData, isObject } from '../json-value.ts';

/** Writes blocks and attributes of HCL, unformatted: `formatHcl` lays them out. */
export class HclWriter {
  readonly #lines: string[] = [];

  attribute(name: string, value: JsonData): this {
    return this.raw(name, hclValue(value));
  }

  /** An attribute whose value is an expression already. */
  raw(name: string, expression: string): this {
    this.#lines.push(`${name} = ${expression}\n`);
    return this;
  }

  block(type: string, labels: readonly string[], write: (body: HclWriter) => void): this {
    const body = new HclWriter();
    write(body);
    const header = [type, ...labels.map(quote)].join(' ');
    this.#lines.push(`${header} {\n${body.text()}}\n`);
    return this;
  }

  newline(): this {
    this.#lines.push('\n');
    return this;
  }

  text(): string {
    return this.#lines.join('');
  }
}

/** A value as an expression; objects stand on several lines. */
function hclValue(value: JsonData): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return `[${value.map(hclValue).join(', ')}]`;
  if (!isObject(value)) return String(value);
  const names = Object.keys(value).toSorted();
  if (names.length === 0) return '{}';
  const lines = names.map(
    (name) => `${isIdentifier(name) ? name : quote(name)} = ${hclValue(value[name] ?? null)}\n`,
  );
  return `{\n${lines.join('')}}`;
}

const SHORT: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '"': '\\"',
  '\\': '\\\\',
  '${': '$${',
  '%{': '%%{',
};

function quote(text: string): string {
  const escaped = text.replaceAll(/[\n\r\t"\\]|[$%]\{|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (found) => {
    const short = SHORT[found];
    if (short !== undefined) return short;
    const code = found.codePointAt(0) ?? 0;
    return code > 0xffff
      ? `\\U${code.toString(16).padStart(8, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

/** Options of the JSON form that are blocks in HCL although their values look plain. */
const ALWAYS_BLOCKS = new Set(['linux_options', 'network_interface', 'shared_image_gallery']);

/**
 * The options of a JSON object as attributes and blocks, in order of their names. An object that holds anything but
 * plain values is a block, and so is each object of a list.
 */
export function writeOptions(body: HclWriter, options: Readonly<Record<string, JsonData>>): void {
  for (const name of Object.keys(options).toSorted()) {
    const value = options[name] ?? null;
    if (isObject(value)) {
      const items = Object.values(value);
      const plain = items.length > 0 && items.every(isPlain) && !ALWAYS_BLOCKS.has(name);
      if (plain) body.attribute(name, value);
      else body.block(name, [], (inner) => writeOptions(inner, value));
    } else if (Array.isArray(value)) {
      if (value.length === 0) continue;
      if (value.every(isObject)) {
        for (const item of value) body.block(name, [], (inner) => writeOptions(inner, item));
      } else body.attribute(name, value);
    } else body.attribute(name, value);
  }
}

const isPlain = (value: JsonData): boolean =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
