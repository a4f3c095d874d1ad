import path from 'node:path';
import type { FullBuildOutcome } from '../../engine/api.ts';
import { exitCodeOf } from '../../diagnostics/failure-reasons.ts';
import type { CliContext } from '../context.ts';
import { workingDirectory, type CommonOptions } from '../options/common-options.ts';

interface ReportOptions extends CommonOptions {
  /** File for the report as JSON. */
  readonly report?: string;
  /** Whether the text goes to standard output. */
  readonly onStdout: boolean;
}

/**
 * Tells what `build --full` found. Exit code 0 when everything came out the same or for a known reason, 1 when a step
 * is not deterministic or failed.
 */
export async function reportFullBuild(
  context: CliContext,
  outcome: FullBuildOutcome,
  options: ReportOptions,
): Promise<number> {
  const { report, failures } = outcome;
  const failed = exitCodeOf(failures.map((failure) => failure.reason));
  if (report === undefined) return outcome.outcome === 'aborted' ? 130 : failed || 1;
  const { formatFullReport, needsAttention } = await import('../../report/full-report.ts');
  const { writeFileAtomic } = await import('../../util/atomic-file.ts');
  if (options.report !== undefined) {
    const file = path.resolve(workingDirectory(context, options), options.report);
    writeFileAtomic(file, `${JSON.stringify(report, undefined, 2)}\n`);
  }
  if (options.onStdout) context.stdout.write(`\n${formatFullReport(report)}`);
  if (outcome.outcome === 'aborted') return 130;
  if (outcome.outcome === 'failed') return failed || 1;
  return needsAttention(report) ? 1 : 0;
}
