const LATE = /<<imgpipe:(build|secret):([^<>]+)>>/g;

/** What a late value is: a fact of the live machine (`ID`, `Host` …), or a declared secret. */
export type LateSort = 'build' | 'secret';

/**
 * Stands in the text of an option for a value that is known only while the machine runs, or that must not be in
 * options at all. Keys, plans and logs hold this stand-in; the step puts the value in when it runs.
 */
export const lateValue = (sort: LateSort, name: string): string => `<<imgpipe:${sort}:${name}>>`;

/** Names of the secrets that the texts of `value` stand for, each once. */
export const lateSecrets = (value: unknown): readonly string[] => lateNames(value, 'secret');

/** Names of the facts of the machine that the texts of `value` stand for, each once. */
export const lateFacts = (value: unknown): readonly string[] => lateNames(value, 'build');

function lateNames(value: unknown, wanted: LateSort): readonly string[] {
  const names = new Set<string>();
  mapTexts(value, (text) => {
    for (const [, sort, name] of text.matchAll(LATE)) if (sort === wanted) names.add(name ?? '');
    return text;
  });
  return [...names];
}

/** A copy of `value` with every stand-in replaced by what `fill` gives for it, at every depth. */
export async function fillLateValues<T>(
  value: T,
  fill: (sort: LateSort, name: string) => string | Promise<string>,
): Promise<T> {
  const known = new Map<string, string>();
  const wanted = new Map<string, readonly [LateSort, string]>();
  mapTexts(value, (text) => {
    for (const [whole, sort, name] of text.matchAll(LATE)) wanted.set(whole, [sort as LateSort, name ?? '']);
    return text;
  });
  for (const [whole, [sort, name]] of wanted) known.set(whole, await fill(sort, name));
  return mapTexts(value, (text) => text.replaceAll(LATE, (whole) => known.get(whole) ?? whole)) as T;
}

/** As `fillLateValues`, at once. Gives `value` itself when nothing in it stands for anything. */
export function fillLateNow<T>(value: T, fill: (sort: LateSort, name: string) => string): T {
  let found = false;
  const filled = mapTexts(value, (text) =>
    text.replaceAll(LATE, (_, sort: LateSort, name: string) => {
      found = true;
      return fill(sort, name);
    }),
  );
  return found ? (filled as T) : value;
}

/** What a template may ask of the machine: `${build.ID}`. Builders have those that make sense for them. */
export const BUILD_FACTS = [
  'ConnType',
  'Host',
  'ID',
  'PackerHTTPAddr',
  'PackerHTTPIP',
  'PackerHTTPPort',
  'Password',
  'Port',
  'SSHPrivateKey',
  'SSHPublicKey',
  'SourceImageSha256',
  'User',
  'WinRMPassword',
] as const;

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, change)]));
}
