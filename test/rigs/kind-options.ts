import type * as z from 'zod';
import type { Failure, Result } from '../../src/diagnostics/failure.ts';
import type { KindDescriptor } from '../../src/schema/kind.ts';

/** Options as a kind's methods get them: parsed by its own schema. */
export function optionsOf<Schema extends z.ZodObject>(
  kind: KindDescriptor<Schema>,
  options: Record<string, unknown>,
): z.output<Schema> {
  return kind.schema.parse(options);
}

/** Failures of a result that must have failed. */
export function failuresOf(result: Result<unknown> | undefined): readonly Failure[] {
  if (result === undefined) throw new Error('there is no result');
  if (result.ok) throw new Error(`did not fail: ${JSON.stringify(result.value)}`);
  return result.failures;
}
