import { createRequire } from 'node:module';
import type { Document, LineCounter, Node, Pair, YAMLMap } from 'yaml';
import type { FailureReason } from '../diagnostics/failure-reasons.ts';
import { fail, type Failure, type Result } from '../diagnostics/failure.ts';
import type { SourceRange } from '../diagnostics/source-range.ts';
import type { LocatedFile, Locator } from './locator.ts';
import type { PropertyPath } from './property-path.ts';

type Yaml = typeof import('yaml');

/**
 * Parses YAML 1.2 (with `<<` merge keys) or JSON with the place of every value.
 * @param text without byte order mark
 */
export async function parseYaml(
  file: string,
  text: string,
  reason: FailureReason,
): Promise<Result<LocatedFile>> {
  return parseWith(await import('yaml'), file, text, reason, { merge: true });
}

/**
 * Parses JSON. Positions are found by the YAML parser, which is loaded when the first one is asked for.
 * @param text without byte order mark
 */
export function parseJson(file: string, text: string, reason: FailureReason): Result<LocatedFile> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return fail({ reason, ...jsonMistake(file, text, error), cause: error });
  }
  let located: LocatedFile | undefined;
  const locate: Locator = (path, part) => {
    if (located === undefined) {
      const yaml = createRequire(import.meta.url)('yaml') as Yaml;
      // JSON knows no merge keys: there `<<` is a name like any other.
      const parsed = parseWith(yaml, file, text, reason, { merge: false });
      located = parsed.ok ? parsed.value : { file, value, locate: () => ({ file, line: 1, column: 1 }) };
    }
    return located.locate(path, part);
  };
  return { ok: true, value: { file, value, locate } };
}

/** V8 names the place of some mistakes only; that of the others is found by looking at ever shorter beginnings. */
function jsonMistake(file: string, text: string, error: unknown): { message: string; origin: SourceRange } {
  const raw = error instanceof Error ? error.message : String(error);
  const [, what = raw, at] =
    /^(.*?)(?: in JSON)?(?: at position (\d+).*|, .* is not valid JSON)?$/s.exec(raw) ?? [];
  const offset = at === undefined ? firstMistake(text) : Number(at);
  const lines = text.slice(0, Math.min(offset, text.trimEnd().length)).split('\n');
  return {
    message: `invalid JSON: ${what.replace("'\n'", 'line break')}`,
    origin: { file, line: lines.length, column: (lines.at(-1) ?? '').length + 1 },
  };
}

function firstMistake(text: string): number {
  let good = 0;
  let bad = text.length + 1;
  while (good + 1 < bad) {
    const middle = (good + bad) >>> 1;
    if (middle <= text.length && isBeginning(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

/** Whether JSON can go on after `text`: then the only mistake that the parser finds is its end. */
function isBeginning(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    return /end of JSON|Unterminated string/.test(message) || message.includes(`at position ${text.length} `);
  }
}

function parseWith(
  yaml: Yaml,
  file: string,
  text: string,
  reason: FailureReason,
  { merge }: { readonly merge: boolean },
): Result<LocatedFile> {
  const lineCounter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    merge,
    logLevel: 'error',
  });
  if (document.errors.length > 0) {
    const failures = document.errors.map((error): Failure => {
      const [start, end] = error.pos;
      const message =
        error.code === 'MULTIPLE_DOCS'
          ? 'the file has several documents; write a list instead'
          : error.message;
      const hint = error.code === 'TAB_AS_INDENT' ? { hint: 'Indent with spaces.' } : {};
      return { reason, message, ...hint, origin: rangeOf(file, lineCounter, start, end), cause: error };
    });
    return fail(...firstPerLine(failures));
  }
  try {
    const value: unknown = document.toJS();
    return {
      ok: true,
      value: { file, value, locate: yamlLocator(yaml, document, file, lineCounter, merge) },
    };
  } catch (error) {
    // Thrown for aliases that would blow the document up, and for aliases without anchor.
    const message = error instanceof Error ? error.message : String(error);
    return fail({ reason, message, origin: { file, line: 1, column: 1 }, cause: error });
  }
}

/** One mistake often gives several errors on one line; the first tells the cause. */
function firstPerLine(failures: readonly Failure[]): Failure[] {
  const seen = new Set<number | undefined>();
  return failures.filter((failure) => {
    const line = failure.origin?.line;
    if (seen.has(line)) return false;
    seen.add(line);
    return true;
  });
}

function rangeOf(file: string, lines: LineCounter, start: number, end: number): SourceRange {
  const from = lines.linePos(start);
  const to = lines.linePos(Math.max(end, start));
  return { file, line: from.line, column: from.col, endLine: to.line, endColumn: to.col };
}

function yamlLocator(
  yaml: Yaml,
  document: Document.Parsed,
  file: string,
  lines: LineCounter,
  hasMerges: boolean,
): Locator {
  const resolve = (node: unknown): unknown => (yaml.isAlias(node) ? node.resolve(document) : node);

  const findPair = (map: YAMLMap, name: string): Pair | undefined => {
    const merges: Pair[] = [];
    for (const pair of map.items) {
      const key: unknown = yaml.isScalar(pair.key) ? pair.key.value : pair.key;
      if (hasMerges && (key === '<<' || typeof key === 'symbol')) merges.push(pair);
      else if (String(key) === name) return pair;
    }
    for (const merge of merges) {
      const value = resolve(merge.value);
      for (const source of yaml.isSeq(value) ? value.items : [value]) {
        const from = resolve(source);
        const pair = yaml.isMap(from) ? findPair(from, name) : undefined;
        if (pair !== undefined) return pair;
      }
    }
    return undefined;
  };

  return (path: PropertyPath, part = 'value') => {
    let node: unknown = document.contents;
    let place: unknown = node;
    let key: unknown;
    for (const [depth, step] of path.entries()) {
      const container = resolve(node);
      let next: unknown;
      if (yaml.isSeq(container) && typeof step === 'number') {
        next = container.items[step];
        key = undefined;
      } else if (yaml.isMap(container)) {
        const pair = findPair(container, String(step));
        if (pair === undefined) break;
        key = pair.key;
        next = pair.value ?? pair.key;
      }
      if (next === undefined || next === null) break;
      node = next;
      place = next;
      if (depth === path.length - 1 && part === 'key') place = key ?? next;
    }
    const range = yaml.isNode(place) ? rangeOfNode(yaml, place) : undefined;
    return rangeOf(file, lines, range?.[0] ?? 0, range?.[1] ?? 0);
  };
}

/** Where a node's text lies; of a block map only its first pair, which is what a reader looks for. */
function rangeOfNode(yaml: Yaml, node: Node): readonly [number, number] | undefined {
  if (yaml.isMap(node) && !node.flow) {
    const first = node.items[0];
    const key = yaml.isNode(first?.key) ? first.key.range : undefined;
    const value = yaml.isScalar(first?.value) ? first.value.range : undefined;
    if (key !== null && key !== undefined) return [key[0], value?.[1] ?? key[1]];
  }
  return node.range === null || node.range === undefined ? undefined : [node.range[0], node.range[1]];
}
