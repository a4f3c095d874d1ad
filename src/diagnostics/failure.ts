import type { FailureReason } from './failure-reasons.ts';
import type { SourceRange } from './source-range.ts';

/** One expected failure. Text is formatted by the printer, never where the failure arises. */
export interface Failure {
  /** Stable code, one of the closed table in `failure-reasons.ts`. */
  readonly reason: FailureReason;
  /** One sentence in the user's terms; holds the wrong value where there is one. */
  readonly message: string;
  /** The place in the user's file that caused it. */
  readonly origin?: SourceRange;
  /** Further places that matter, e.g. the first of two duplicate definitions. */
  readonly related?: readonly RelatedPlace[];
  /** What to do about it: one imperative sentence. */
  readonly hint?: string;
  /** Full id of the step that failed, when one was running. */
  readonly stepId?: string;
  /** Last lines of output that explain the failure, without colour. */
  readonly excerpt?: readonly string[];
  readonly cause?: unknown;
}

export interface RelatedPlace {
  readonly message: string;
  readonly range: SourceRange;
}

/** Either a value or one or more expected failures. Bugs throw instead. */
export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failures: readonly Failure[] };

export function ok(): Result<void>;
export function ok<T>(value: T): Result<T>;
export function ok<T>(value?: T): Result<T | undefined> {
  return { ok: true, value };
}

export function fail(...failures: Failure[]): { readonly ok: false; readonly failures: readonly Failure[] } {
  return { ok: false, failures };
}

/**
 * Carries expected failures through code where a `Result` would have to pass many hands (callbacks, streams,
 * disposers). Caught once at the border of a room by `capture`.
 */
export class FailureError extends Error {
  readonly failures: readonly Failure[];
  constructor(...failures: Failure[]) {
    super(failures.map((failure) => failure.message).join('\n'), { cause: failures[0]?.cause });
    this.name = 'FailureError';
    this.failures = failures;
  }
}

/** Runs `body` and turns a thrown `FailureError` into a failed `Result`; other throws are bugs and pass. */
export async function capture<T>(body: () => Promise<T>): Promise<Result<T>> {
  try {
    return { ok: true, value: await body() };
  } catch (error) {
    if (error instanceof FailureError) return { ok: false, failures: error.failures };
    throw error;
  }
}

/** The value of a result, or throws its failures as a `FailureError`. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new FailureError(...result.failures);
}

/** For the end of a switch over a closed union: the compiler proves that it is not reached. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
