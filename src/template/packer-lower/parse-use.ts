import type { Failure, Result } from '../../diagnostics/failure.ts';
import type { SourceRange } from '../../diagnostics/source-range.ts';
import { keyOptions, type KindDescriptor } from '../../schema/kind.ts';
import type { ComponentOptions } from '../packer-kinds/component.ts';

/** The options that a kind knows, without what Packer takes for "not given": empty texts and zeros. */
export function optionsFor(kind: KindDescriptor, options: ComponentOptions): Record<string, unknown> {
  const known = kind.schema.shape as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, value]) =>
        Object.hasOwn(known, name) && value !== undefined && value !== null && value !== '' && value !== 0,
    ),
  );
}

/** Options as the kind's schema gives them out. */
export function parseUse(
  kind: KindDescriptor,
  options: Record<string, unknown>,
  origin: SourceRange,
): Result<Record<string, unknown>> {
  const parsed = kind.schema.safeParse(options);
  if (parsed.success) return { ok: true, value: parsed.data };
  return {
    ok: false,
    failures: parsed.error.issues.map(({ path, message }): Failure => ({
      reason: 'template-invalid',
      message: path.length === 0 ? message : `${path.join('.')}: ${message}`,
      origin,
    })),
  };
}

/** Whether the value of an option is in the keys of the kind. */
export function isInKey(kind: KindDescriptor, name: string): boolean {
  return name in keyOptions(kind.schema, { [name]: true });
}
