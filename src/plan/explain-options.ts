import { canonicalJson } from '../util/canonical-json.ts';
import { changedLines, compareUpTo } from '../util/compare-lines.ts';
import type { Change } from './explain.ts';

/** Longer values are cut. */
const SHOWN = 120;
/** Above so many changed lines the whole text counts as another. */
const MOST_LINES = 100;

/** Every option in which two records differ: which entry of a list, which line of a text, and old and new value. */
export function explainOptions(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Change[] {
  return namesOf(before, after).flatMap((name) => explainOption(name, before[name], after[name]));
}

function explainOption(name: string, before: unknown, after: unknown): Change[] {
  if (equal(before, after)) return [];
  if (isRecord(before) && isRecord(after))
    return namesOf(before, after).flatMap((key) => explainOption(`${name}.${key}`, before[key], after[key]));
  if (Array.isArray(before) && Array.isArray(after)) return [explainList(name, before, after)];
  if (isText(before) && isText(after)) return explainText(name, before, after);
  const word = before === undefined ? 'added' : after === undefined ? 'removed' : 'changed';
  return [{ what: `option \`${name}\` ${word}`, ...values(before, after) }];
}

function explainList(name: string, before: readonly unknown[], after: readonly unknown[]): Change {
  const gone = without(before, after);
  const come = without(after, before);
  if (gone.length === 0 && come.length === 0)
    return { what: `order of option \`${name}\` changed`, ...values(before, after) };
  return {
    what: `option \`${name}\` changed`,
    ...(gone.length === 0 ? {} : { before: gone.map(show).join(', ') }),
    ...(come.length === 0 ? {} : { after: come.map(show).join(', ') }),
  };
}

/** Texts of several lines: one change for each place, with the lines. */
function explainText(name: string, before: string, after: string): Change[] {
  const old = before.split('\n');
  const now = after.split('\n');
  const edits = compareUpTo(old, now, MOST_LINES);
  if (edits === undefined) return [{ what: `option \`${name}\` is another text`, ...values(before, after) }];
  return changedLines(edits).map((place) => ({
    what: `option \`${name}\` changed, ${linesPhrase(place)}`,
    before: linesOf(old, place.before),
    after: linesOf(now, place.after),
  }));
}

function linesOf(
  text: readonly string[],
  { start, count }: { readonly start: number; readonly count: number },
): string | undefined {
  return count === 0 ? undefined : cut(text.slice(start - 1, start - 1 + count).join('\n'));
}

/** `line 3`, `lines 3-5`, or for lines that are gone `after line 2`. */
export function linesPhrase({
  after,
}: {
  readonly after: { readonly start: number; readonly count: number };
}): string {
  if (after.count === 0) return after.start === 1 ? 'before line 1' : `after line ${after.start - 1}`;
  return after.count === 1 ? `line ${after.start}` : `lines ${after.start}-${after.start + after.count - 1}`;
}

/** Entries of a list that the other has not, or has fewer times. */
function without(list: readonly unknown[], other: readonly unknown[]): unknown[] {
  const left = new Map<string, number>();
  for (const item of other) left.set(canonicalJson([item]), (left.get(canonicalJson([item])) ?? 0) + 1);
  return list.filter((item) => {
    const count = left.get(canonicalJson([item])) ?? 0;
    left.set(canonicalJson([item]), count - 1);
    return count <= 0;
  });
}

function values(before: unknown, after: unknown): Pick<Change, 'before' | 'after'> {
  return {
    ...(before === undefined ? {} : { before: show(before) }),
    ...(after === undefined ? {} : { after: show(after) }),
  };
}

const show = (value: unknown): string => cut(typeof value === 'string' ? value : JSON.stringify(value));

const cut = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN - 1)}…` : text);

const namesOf = (...records: readonly object[]): string[] => [...new Set(records.flatMap(Object.keys))];

const equal = (a: unknown, b: unknown): boolean => canonicalJson([a]) === canonicalJson([b]);

const isText = (value: unknown): value is string => typeof value === 'string' && value.includes('\n');

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
