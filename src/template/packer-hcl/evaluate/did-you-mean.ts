import { nearestName } from '../../../diagnostics/nearest-name.ts';

/** A hint that names the nearest candidate, for spreading into a failure. */
export function didYouMean(wrong: string, candidates: Iterable<string>): { readonly hint?: string } {
  const nearest = nearestName(wrong, candidates);
  return nearest === undefined ? {} : { hint: `Did you mean "${nearest}"?` };
}
