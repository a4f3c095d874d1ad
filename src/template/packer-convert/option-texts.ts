import { BUILD_FACTS, lateValue } from '../../model/late-value.ts';

/** A variable that stands in a template under a mark, so that it shows where its value lands. */
export interface MarkedInput {
  readonly name: string;
  readonly value: string;
  readonly mark: string;
}

/** The mark of a variable: letters and digits, so that nothing takes it apart, and in lower case, so that a change of case shows. */
export const markOf = (index: number): string => `zq7x${index}qz`;

/** Whether `marked` is `plain` with marks in the places of values: then nothing but their text depends on them. */
export function isExplained(plain: unknown, marked: unknown, inputs: readonly MarkedInput[]): boolean {
  if (typeof plain === 'string' && typeof marked === 'string') return withValues(marked, inputs) === plain;
  if (Array.isArray(plain) && Array.isArray(marked)) {
    return plain.length === marked.length && plain.every((item, at) => isExplained(item, marked[at], inputs));
  }
  if (!isRecord(plain) || !isRecord(marked)) return plain === marked;
  const names = Object.keys(plain);
  return (
    names.length === Object.keys(marked).length &&
    names.every((name) => Object.hasOwn(marked, name) && isExplained(plain[name], marked[name], inputs))
  );
}

const withValues = (text: string, inputs: readonly MarkedInput[]): string =>
  inputs.reduce((rest, { mark, value }) => rest.replaceAll(mark, value), text);

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What Packer has for a fact of the machine before there is one. */
const UNKNOWN = '<unknown>';

/** Whether a text with stand-ins holds facts of the machine as they are, and none that a function has changed. */
export function holdsFactsAsTheyAre(plain: unknown, symbolic: unknown): boolean {
  if (typeof plain === 'string' && typeof symbolic === 'string') {
    return (
      BUILD_FACTS.reduce((text, name) => text.replaceAll(lateValue('build', name), UNKNOWN), symbolic) ===
      plain
    );
  }
  if (Array.isArray(plain) && Array.isArray(symbolic)) {
    return (
      plain.length === symbolic.length && plain.every((item, at) => holdsFactsAsTheyAre(item, symbolic[at]))
    );
  }
  if (!isRecord(plain) || !isRecord(symbolic)) return plain === symbolic;
  return (
    Object.keys(plain).length === Object.keys(symbolic).length &&
    Object.entries(plain).every(([name, item]) => holdsFactsAsTheyAre(item, symbolic[name]))
  );
}

/** What a template of ours takes for a reference or its escape; see `interpolate`. */
const REFERENCE = /\$\$\{|\$\{\s*[A-Za-z_][\w-]*\.[A-Za-z_][\w.-]*\s*\}/g;

/**
 * The text as a template of ours writes it: `${var.NAME}` for marks, `${build.NAME}` for facts, everything else so that
 * it stays as it is.
 * @returns undefined when it cannot be written: a `$` stands before a reference
 */
export function textWithReferences(text: string, inputs: readonly MarkedInput[]): string | undefined {
  const references = new Map([
    ...inputs.map(({ mark, name }) => [mark, `\${var.${name}}`] as const),
    ...BUILD_FACTS.map((name) => [lateValue('build', name), `\${build.${name}}`] as const),
  ]);
  const found = [...references.keys()].filter((stand) => text.includes(stand));
  if (found.length === 0) return escaped(text);
  const pattern = new RegExp(
    `(${found.map((stand) => stand.replaceAll(/[^\w]/g, String.raw`\$&`)).join('|')})`,
  );
  const parts = text.split(pattern);
  if (parts.some((part, at) => part.endsWith('$') && references.has(parts[at + 1] ?? ''))) return undefined;
  return parts.map((part) => references.get(part) ?? escaped(part)).join('');
}

const escaped = (text: string): string => text.replaceAll(REFERENCE, (match) => `$${match}`);
