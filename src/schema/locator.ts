import type { SourceRange } from '../diagnostics/source-range.ts';
import { parsePath, type PropertyPath } from './property-path.ts';

/**
 * Finds the place of a value in the file it came from. `key`: the property's name rather than its value. Where the
 * path cannot be followed to its end the innermost place that is known comes back. Costly; for error paths.
 */
export type Locator = (path: PropertyPath, part?: 'key' | 'value') => SourceRange;

/** A value together with its file. */
export interface LocatedFile {
  /** Absolute path. */
  readonly file: string;
  readonly value: unknown;
  readonly locate: Locator;
}

/** A locator for what lies at `base`. */
export function subLocator(locate: Locator, base: PropertyPath): Locator {
  return (path, part) => locate([...base, ...path], part);
}

const locators = new WeakMap<SourceRange, Locator>();

/**
 * A source range that is computed when it is first looked at, so that templates without mistakes never pay for it.
 * Copying or serialising it computes it. `options` finds the places of the options that belong to it.
 */
export function lazyRange(compute: () => SourceRange, options?: Locator): SourceRange {
  let known: SourceRange | undefined;
  const get = (): SourceRange => (known ??= compute());
  const range = Object.defineProperties({} as SourceRange, {
    file: { enumerable: true, get: () => get().file },
    line: { enumerable: true, get: () => get().line },
    column: { enumerable: true, get: () => get().column },
    endLine: { enumerable: true, get: () => get().endLine },
    endColumn: { enumerable: true, get: () => get().endColumn },
  });
  if (options !== undefined) locators.set(range, options);
  return range;
}

/**
 * The place of an option of a step, source, export or check: `use.origin` must be the object that the template gave
 * it (it may have been passed on, not copied). Gives the origin itself when the option is not in the file.
 * @param option as in `HostInput.option`: `source`, `scripts[2]`.
 */
export function locateOption(
  use: { readonly origin: SourceRange },
  option: string,
  part: 'key' | 'value' = 'value',
): SourceRange {
  const locate = locators.get(use.origin);
  if (locate === undefined) return use.origin;
  const found = locate(parsePath(option), part);
  return isSame(found, locate([])) ? use.origin : found;
}

function isSame(a: SourceRange, b: SourceRange): boolean {
  return a.line === b.line && a.column === b.column && a.endColumn === b.endColumn;
}

/** The origin of one of several steps that stand for one in the template: points at the option it came from. */
export function originOfOption(use: { readonly origin: SourceRange }, option: string): SourceRange {
  const locate = locators.get(use.origin);
  if (locate === undefined) return use.origin;
  return lazyRange(() => locate(parsePath(option)), locate);
}
