import type { Failure, Result } from '../../diagnostics/failure.ts';
import { TOO_DEEP } from '../packer-hcl/syntax/cursor.ts';
import { type GoJsonProblem, goJsonProblem } from '../packer-hcl/syntax/go-json-problem.ts';
import { type JsonNode, parseJsonText } from '../packer-hcl/syntax/json-text.ts';
import { type SourceText, decodeSource } from '../packer-hcl/syntax/source-text.ts';
import { SourceText as Source } from '../packer-hcl/syntax/source-text.ts';

/** What stands before every failure to read a template of this form. */
export const LEGACY_PREFIX =
  'Failed to parse file as legacy JSON template: if you are using an HCL template, check your file extensions; they should be either *.pkr.hcl or *.pkr.json; see the docs for more details: https://www.packer.io/docs/templates/hcl_templates. \nOriginal error: ';

/** Reads the text of a template; a property that comes twice in one object is an error. */
export function parseTemplateJson(
  file: string,
  content: Uint8Array | string,
): Result<{ readonly source: SourceText; readonly root: JsonNode }> {
  const decoded =
    typeof content === 'string'
      ? ({ ok: true, value: new Source(file, content) } as const)
      : decodeSource(file, content);
  if (!decoded.ok) return decoded;
  const source = decoded.value;
  const root = parseJsonText(source);
  if (!root.ok) return { ok: false, failures: root.failures.map((failure) => located(failure, source)) };
  const doubled = findDuplicate(root.value);
  return doubled === undefined
    ? { ok: true, value: { source, root: root.value } }
    : { ok: false, failures: [doubled] };
}

/** The place in words, as scripts read it: line, column, offset, and the line up to it with a mark under its end. */
function located(failure: Failure, source: SourceText): Failure {
  const bytes = Buffer.from(source.text);
  const problem = failure.message === TOO_DEEP ? tooDeep(failure, source) : goJsonProblem(bytes);
  if (problem === undefined) return failure;
  const { offset } = problem;
  const lines = bytes.subarray(0, offset).toString('utf8').split('\n');
  // Below the first line Packer counts the line break before it as a column.
  const lineStart = offset === 0 ? 0 : bytes.lastIndexOf('\n', offset - 1) + 1;
  const column = offset - lineStart + (lines.length > 1 ? 1 : 0);
  const shown = lines
    .map((line, index) => `${String(index + 1).padStart(5)}: ${line.slice(0, 500)}\n`)
    .slice(-2)
    .join('');
  return {
    ...failure,
    message: `Error parsing JSON: ${problem.message}\nAt line ${lines.length}, column ${column} (offset ${offset}):\n${shown}${' '.repeat(Math.min(column, 500) + 5)}^\n`,
  };
}

/** Our own limit is reached long before what may be wrong behind it. */
function tooDeep({ message, origin }: Failure, source: SourceText): GoJsonProblem {
  const { line = 1, column = 1 } = origin ?? {};
  const before = source.text.split('\n').slice(0, line - 1);
  return { message, offset: Buffer.byteLength(before.map((text) => `${text}\n`).join('')) + column };
}

/** Walks on a list of its own: a text may be nested deeply. */
function findDuplicate(root: JsonNode): Failure | undefined {
  const open: JsonNode[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (node.type === 'array') for (const item of node.items) open.push(item);
    if (node.type !== 'object') continue;
    const seen = new Map<string, JsonNode>();
    for (const { key, value } of node.members) {
      const earlier = seen.get(key.value);
      if (earlier !== undefined) {
        return {
          reason: 'duplicate-name',
          message: `template has duplicate field: ${key.value}`,
          origin: key.span.range,
          related: [{ message: 'It was first written here.', range: earlier.span.range }],
        };
      }
      seen.set(key.value, key);
      open.push(value);
    }
  }
  return undefined;
}
