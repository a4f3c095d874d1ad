import { parseGoDuration } from '../../template/packer-kinds/go-duration.ts';

/** Milliseconds of an option in Go's notation; its schema has checked it. `fallback` when it is left out or zero. */
export function durationMs(text: string | undefined, fallback: number): number {
  if (text === undefined || text === '') return fallback;
  const parsed = parseGoDuration(text);
  return 'error' in parsed || parsed.milliseconds === 0 ? fallback : parsed.milliseconds;
}

/** What Go says is wrong with the durations among some options. */
export const durationErrors = (
  options: Readonly<Record<string, unknown>>,
  names: readonly string[],
): readonly string[] =>
  names.flatMap((name) => {
    const value = options[name];
    if (typeof value !== 'string' || value === '') return [];
    const parsed = parseGoDuration(value);
    return 'error' in parsed ? [`${name}: ${parsed.error}`] : [];
  });
