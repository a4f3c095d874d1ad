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

  /** Nothing has a name here: only values as they are, and functions. */
  isEmpty(): boolean {
    return this.#names.size === 0 && (this.#outer?.isEmpty() ?? true);
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

/** Most turns that all loops of one expression may take together; far beyond what any template lists. */
const MAX_TURNS = 300_000;

/** Evaluation is synchronous: the expression that is evaluated now, and the turns of its loops so far. */
const running = { depth: 0, turns: 0 };

/** Counts the turns of a loop before they are made; fails where loops in loops would never end. */
export function countTurns(count: number, span: Span): void {
  running.turns += count;
  if (running.turns > MAX_TURNS) {
    failAt(span, `Too many values: the loops of one expression may take ${MAX_TURNS} turns.`);
  }
}

/**
 * Runs evaluation code and turns what it throws for the user into a failed `Result`. The engine's own limits (call
 * stack, length of strings) become failures as well: they only arise from values out of all proportion.
 */
export function captureEvaluation<T>(span: Span, body: () => T): Result<T> {
  if (running.depth === 0) running.turns = 0;
  running.depth += 1;
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
  } finally {
    running.depth -= 1;
  }
}
