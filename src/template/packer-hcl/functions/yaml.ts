import { LineCounter, type Node, isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml';
import { BigFloat } from '../values/big-float.ts';
import { convertValue } from '../values/convert.ts';
import { DYNAMIC, STRING } from '../values/type.ts';
import {
  type Value,
  boolValue,
  nullValue,
  numberValue,
  objectValue,
  stringValue,
  tupleValue,
} from '../values/value.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';
import { encodeYaml } from './yaml-encode.ts';

const MAX_NODES = 200_000;

/** The value of a YAML text of one document. Aliases repeat their anchor's value. */
function decodeYaml(text: string): Value {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter,
    uniqueKeys: false,
    strict: true,
    logLevel: 'silent',
    schema: 'failsafe',
  });
  const [document] = documents;
  if (!Array.isArray(documents) || document === undefined || document.contents === null)
    throw new FunctionError('missing start of document', 0);
  if (documents.length > 1) throw new FunctionError('more than one document is not allowed', 0);
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line, col } = lineCounter.linePos(problem.pos[0]);
    throw new FunctionError(
      `on line ${line}, column ${col}: ${problem.message.split('\n')[0]?.replace(/ at line.*$/, '')}`,
      0,
    );
  }
  return new Reader((alias) => (isAlias(alias) ? alias.resolve(document) : undefined)).value(
    document.contents,
  );
}

/** Keys are texts: numbers and truth values become them. */
function keyOf(key: Value): string {
  if (key.data === null) throw new FunctionError('mapping key cannot be null');
  if (!['string', 'number', 'bool'].includes(key.type.kind))
    throw new FunctionError('only strings are allowed as mapping keys');
  return String(convertValue(key, STRING).data);
}

class Reader {
  readonly #resolve: (alias: Node) => Node | undefined;
  readonly #open = new Set<Node>();
  #count = 0;

  constructor(resolve: (alias: Node) => Node | undefined) {
    this.#resolve = resolve;
  }

  value(node: unknown): Value {
    this.#count += 1;
    if (this.#count > MAX_NODES)
      throw new FunctionError('the document is too large once its aliases are expanded', 0);
    if (isAlias(node)) {
      const target = this.#resolve(node);
      if (target === undefined || this.#open.has(target))
        throw new FunctionError(`invalid alias *${node.source}`, 0);
      return this.value(target);
    }
    if (isScalar(node)) return scalarValue(node.value, node.type, node.tag);
    if (!isMap(node) && !isSeq(node)) return nullValue();
    if (
      node.tag !== undefined &&
      node.tag !== 'tag:yaml.org,2002:map' &&
      node.tag !== 'tag:yaml.org,2002:seq'
    ) {
      throw new FunctionError(`unsupported tag ${JSON.stringify(node.tag)}`, 0);
    }
    this.#open.add(node);
    const result = isSeq(node)
      ? tupleValue(node.items.map((item) => this.value(item)))
      : this.#object(node.items);
    this.#open.delete(node);
    return result;
  }

  #object(pairs: readonly { readonly key: unknown; readonly value: unknown }[]): Value {
    const entries = new Map<string, Value>();
    const merged = new Map<string, Value>();
    for (const { key, value } of pairs) {
      const name = this.value(key);
      if (isScalar(key) && key.type === 'PLAIN' && key.value === '<<') this.#merge(this.value(value), merged);
      else entries.set(keyOf(name), this.value(value));
    }
    return objectValue(new Map([...merged, ...entries]));
  }

  #merge(value: Value, into: Map<string, Value>): void {
    const sources =
      value.data instanceof Map ? [value] : Array.isArray(value.data) ? (value.data as readonly Value[]) : [];
    for (const { data } of sources.toReversed()) {
      if (data instanceof Map)
        for (const [key, item] of data as ReadonlyMap<string, Value>) into.set(key, item);
    }
  }
}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})(?:[Tt]|[ \t]+)(\d{1,2}):(\d{2}:\d{2})(\.\d+)?[ \t]*(Z|[+-]\d{1,2}(?::?\d{2})?)?$/;

function scalarValue(content: unknown, style: string | undefined, tag: string | undefined): Value {
  const text = typeof content === 'string' ? content : '';
  const short = tag?.replace('tag:yaml.org,2002:', '!!');
  if (
    short !== undefined &&
    !['!!str', '!!int', '!!float', '!!bool', '!!null', '!!binary', '!!timestamp', '!'].includes(short)
  ) {
    throw new FunctionError(`unsupported tag ${JSON.stringify(tag)}`, 0);
  }
  if (
    short === '!!str' ||
    short === '!' ||
    short === '!!binary' ||
    (short === undefined && style !== 'PLAIN')
  )
    return stringValue(text);
  return plainValue(text);
}

/** A scalar without quotes, in the schema of YAML 1.1 as Go's library reads it. */
function plainValue(text: string): Value {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return nullValue();
  if (/^(?:y|Y|yes|Yes|YES|true|True|TRUE|on|On|ON)$/.test(text)) return boolValue(true);
  if (/^(?:n|N|no|No|NO|false|False|FALSE|off|Off|OFF)$/.test(text)) return boolValue(false);
  if (/^[+-]?\.(?:inf|Inf|INF)$/.test(text))
    return numberValue(BigFloat.infinity(text.startsWith('-') ? -1 : 1));
  if (/^[+-]?\d[\d_]*(?:\.[\d_]*)?(?:[eE][+-]?\d+)?$/.test(text)) {
    const number = BigFloat.parse(text.replaceAll('_', '').replace(/\.(?=$|[eE])/, ''));
    if (number !== undefined) return numberValue(number);
  }
  if (DATE.test(text)) return stringValue(`${text}T00:00:00Z`);
  const time = DATE_TIME.exec(text);
  if (time !== null) {
    const zone = time[5] ?? 'Z';
    const offset =
      zone === 'Z'
        ? zone
        : `${zone[0]}${zone
            .slice(1)
            .replace(':', '')
            .padStart(2, '0')
            .padEnd(4, '0')
            .replace(/(..)(..)/, '$1:$2')}`;
    return stringValue(`${time[1]}T${time[2]?.padStart(2, '0')}:${time[3]}${time[4] ?? ''}${offset}`);
  }
  return stringValue(text);
}

export const YAML_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  yamldecode: {
    parameters: [parameter('src', STRING)],
    returns: DYNAMIC,
    call: ([text]) => decodeYaml(textOf(text)),
  },
  yamlencode: {
    parameters: [parameter('value', DYNAMIC, { allowNull: true })],
    returns: STRING,
    call: ([value]) => stringValue(value === undefined ? '' : encodeYaml(value)),
  },
};
