import type { Failure, Result } from '../../diagnostics/failure.ts';
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

/** The place in words, as scripts read it: line, column, offset, and the line itself with a mark under it. */
function located(failure: Failure, source: SourceText): Failure {
  const { origin } = failure;
  if (origin === undefined) return failure;
  const lines = source.text.split('\n');
  const before = lines.slice(0, origin.line - 1).join('\n');
  const offset = Buffer.byteLength(before) + (origin.line > 1 ? 1 : 0) + origin.column;
  const shown = [origin.line - 1, origin.line]
    .filter((line) => line > 0)
    .map((line) => `${String(line).padStart(5)}: ${lines[line - 1]?.replace(/\r$/, '').slice(0, 500) ?? ''}`)
    .join('\n');
  return {
    ...failure,
    // Below the first line Packer counts the line break before it as a column.
    message: `Error parsing JSON: ${failure.message}\nAt line ${origin.line}, column ${origin.column + (origin.line > 1 ? 1 : 0)} (offset ${offset}):\n${shown}\n${' '.repeat(origin.column + 6)}^`,
  };
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
