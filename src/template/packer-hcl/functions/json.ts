import { FailureError } from '../../../diagnostics/failure.ts';
import { goJsonProblem } from '../syntax/go-json-problem.ts';
import { type JsonNode, parseJsonText } from '../syntax/json-text.ts';
import { SourceText } from '../syntax/source-text.ts';
import { BigFloat } from '../values/big-float.ts';
import { DYNAMIC, STRING } from '../values/type.ts';
import {
  UNKNOWN,
  type Value,
  boolValue,
  entriesOf,
  itemsOf,
  nullValue,
  numberValue,
  objectValue,
  stringValue,
  tupleValue,
} from '../values/value.ts';
import { type FunctionDefinition, FunctionError, parameter, textOf } from './function.ts';

const UNSAFE = /[<>&\u2028\u2029]/g;

/** A value as JSON text: keys sorted, no blanks, and the characters that HTML minds escaped. */
export function encodeJson(value: Value): string {
  const { data } = value;
  if (data === null) return 'null';
  if (data === UNKNOWN) throw new FunctionError('the value is not known yet', 0);
  if (typeof data === 'string') return encodeText(data);
  if (typeof data === 'boolean') return String(data);
  const items = itemsOf(value);
  if (items !== undefined) return `[${items.map(encodeJson).join(',')}]`;
  const entries = entriesOf(value);
  if (entries !== undefined)
    return `{${[...entries].map(([key, item]) => `${encodeText(key)}:${encodeJson(item)}`).join(',')}}`;
  const number = data as BigFloat;
  if (number.infinite !== 0) throw new FunctionError('JSON has no infinite numbers', 0);
  return number.toString();
}

function encodeText(text: string): string {
  return JSON.stringify(text)
    .replace(UNSAFE, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .replace(/\\b|\\f|\\\\/g, (escape) =>
      escape === '\\b' ? '\\u0008' : escape === '\\f' ? '\\u000c' : escape,
    );
}

/** The value of a JSON text: objects and tuples with the types of what they hold. */
function decodeJson(text: string): Value {
  const parsed = parseJsonText(new SourceText('json', text));
  if (parsed.ok) return fromNode(parsed.value);
  const problem = goJsonProblem(text);
  // As the function words what its reader of whole texts words otherwise.
  const message =
    text.trim() === ''
      ? 'EOF'
      : problem?.message.endsWith('after top-level value') === true
        ? 'extraneous data after JSON object'
        : problem?.message;
  throw new FunctionError(
    message ?? parsed.failures[0]?.message ?? 'invalid JSON',
    undefined,
    new FailureError(...parsed.failures),
  );
}

function fromNode(node: JsonNode): Value {
  switch (node.type) {
    case 'string':
      return stringValue(node.value);
    case 'keyword':
      return node.value === null ? nullValue() : boolValue(node.value);
    case 'number':
      return numberValue(BigFloat.parse(node.text) ?? BigFloat.integer(0));
    case 'array':
      return tupleValue(node.items.map(fromNode));
    case 'object':
      return objectValue(
        new Map(node.members.map(({ key, value }) => [key.value.normalize('NFC'), fromNode(value)])),
      );
  }
}

export const JSON_FUNCTIONS: Readonly<Record<string, FunctionDefinition>> = {
  jsonencode: {
    parameters: [parameter('val', DYNAMIC, { allowNull: true })],
    returns: STRING,
    call: ([value]) => stringValue(value === undefined ? '' : encodeJson(value)),
  },
  jsondecode: {
    parameters: [parameter('str', STRING)],
    returns: DYNAMIC,
    call: ([text]) => decodeJson(textOf(text)),
  },
};
