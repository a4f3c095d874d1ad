import { FailureError } from '../../diagnostics/failure.ts';
import type { FailureReason } from '../../diagnostics/failure-reasons.ts';

/** An expected failure of the step, in one sentence. */
export const stepFailure = (
  message: string,
  more: { readonly reason?: FailureReason; readonly hint?: string; readonly cause?: unknown } = {},
): FailureError => new FailureError({ reason: 'step-failed', message, ...more });
