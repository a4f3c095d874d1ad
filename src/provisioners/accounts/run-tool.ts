import type { Machine } from '../../builders/machine.ts';
import { fail, ok, type Result } from '../../diagnostics/failure.ts';
import {
  describeOutcome,
  isMissingProgram,
  programCommand,
  programFailure,
  runProgram,
} from '../run-program.ts';

/**
 * Runs a program of the shadow tools; its last line says what was wrong (`useradd: UID 0 is not unique`).
 * @param validExitCodes codes that are as good as 0
 */
export async function runTool(
  machine: Machine,
  argv: readonly string[],
  validExitCodes: readonly number[] = [],
): Promise<Result<void>> {
  const run = await runProgram(machine, programCommand(...argv));
  const { outcome } = run;
  if (outcome.type === 'exited' && (outcome.code === 0 || validExitCodes.includes(outcome.code))) return ok();
  const tool = argv[0] ?? '';
  if (isMissingProgram(run)) {
    const hint = 'Install the package that has it (Debian: passwd) in a step below.';
    return fail(programFailure(tool, run, { message: `the image has no ${tool}`, hint }));
  }
  return fail(programFailure(tool, run, { message: run.lines.at(-1) ?? describeOutcome(tool, outcome) }));
}
