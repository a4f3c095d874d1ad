import { afterAll } from 'vitest';

/**
 * Where hooks put what is to be undone after all tests of a file, last first: `afterAll` itself does nothing when a hook
 * calls it. Call this outside of hooks.
 */
export function endOfFile(): (body: () => void | Promise<void>) => void {
  const bodies: (() => void | Promise<void>)[] = [];
  afterAll(async () => {
    for (const body of bodies.toReversed()) await body();
  });
  return (body) => void bodies.push(body);
}
