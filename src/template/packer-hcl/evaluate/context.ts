import { type Failure, FailureError, type Result } from '../../../diagnostics/failure.ts';
import type { FailureReason } from '../../../diagnostics/failure-reasons.ts';
import type { FunctionTable, FunctionWorld } from '../functions/function.ts';
import type { Span } from '../syntax/source-text.ts';
import type { Value } from '../values/value.ts';

/** What an expression is evaluated with. */
export interface EvaluationContext {
  readonly variables: Scope;
  readonly functions: FunctionTable;
  readonly world: FunctionWorld;
}

/** Names and their values; an inner scope (`for`) hides names of the outer one. */
export class Scope {
  readonly #names: ReadonlyMap<string, Value>;
  readonly #outer: Scope | undefined;

  constructor(names: ReadonlyMap<string, Value>, outer?: Scope) {
    this.#names = names;
    this.#outer = outer;
  }

  lookup(name: string): Value | undefined {
    return this.#names.get(name) ?? this.#outer?.lookup(name);
  }

  /** Every name that can be said here. */
  names(): string[] {
    return [...this.#names.keys(), ...(this.#outer?.names() ?? [])];
  }

  with(names: ReadonlyMap<string, Value>): Scope {
    return new Scope(names, this);
  }
}

export interface FailureDetails {
  readonly reason?: FailureReason;
  readonly hint?: string;
  readonly related?: Failure['related'];
}

/** Ends the evaluation with a failure that points at `span`. */
export function failAt(span: Span, message: string, details: FailureDetails = {}): never {
  throw new FailureError({
    reason: details.reason ?? 'template-invalid',
    message,
    origin: span.range,
    ...(details.hint === undefined ? {} : { hint: details.hint }),
    ...(details.related === undefined ? {} : { related: details.related }),
  });
}

/**
 * Runs evaluation code and turns what it throws for the user into a failed `Result`. The engine's own limits (call
 * stack, length of strings) become failures as well: they only arise from values out of all proportion.
 */
export function captureEvaluation<T>(span: Span, body: () => T): Result<T> {
  try {
    return { ok: true, value: body() };
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failures: error.failures };
    if (!(error instanceof RangeError)) throw error;
    const message = 'The value is too large or nested too deeply.';
    return {
      ok: false,
      failures: [{ reason: 'template-invalid', message, origin: span.range, cause: error }],
    };
  }
}
