import type { Machine } from '../../builders/machine.ts';
import { capture, fail, ok, unwrap, type Failure, type Result } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { StepRunContext } from '../provisioner.ts';
import {
  describeOutcome,
  isMissingProgram,
  programCommand,
  programFailure,
  runProgram,
  type ProgramRun,
} from '../run-program.ts';
import type { ServiceOptions } from '../service.ts';
import { fullName, writtenFiles } from './options.ts';

/** systemctl changes links only, as if no systemd were running. */
const OFFLINE = { SYSTEMD_OFFLINE: '1', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' };

/** Writes units and lets the image's own `systemctl` enable, disable and mask. Fails with `step-failed`. */
export function runServiceStep(
  options: ServiceOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    for (const entry of await writtenFiles(options, context)) {
      if (entry.type === 'file' && entry.content.type === 'text') {
        await machine.writeFile(entry.path, entry.content.text, { mode: entry.mode });
      }
    }
    for (const verb of ['unmask', 'disable', 'enable', 'mask'] as const) {
      if (options[verb].length > 0) unwrap(await systemctl(verb, options[verb].map(fullName), machine));
    }
  });
}

async function systemctl(verb: string, units: readonly string[], machine: Machine): Promise<Result<void>> {
  const run = await runProgram(machine, { ...programCommand('systemctl', verb, ...units), env: OFFLINE });
  if (run.outcome.type === 'exited' && run.outcome.code === 0) return ok();
  return fail(await explain(verb, run, machine));
}

async function explain(verb: string, run: ProgramRun, machine: Machine): Promise<Failure> {
  if (isMissingProgram(run)) {
    const hint = 'Install systemd-sysv in a step below.';
    return programFailure('systemctl', run, { message: 'the image has no systemctl', hint });
  }
  const text = run.lines.join('\n');
  const missing =
    /[Uu]nit (?:file )?(\S+?) (?:does not exist|not found)|unit, unit (\S+?) does not exist/.exec(text);
  const unit = missing?.[1] ?? missing?.[2];
  if (unit === undefined) {
    return programFailure('systemctl', run, {
      message: run.lines.at(-1) ?? describeOutcome(`systemctl ${verb}`, run.outcome),
    });
  }
  const list = await runProgram(machine, {
    ...programCommand('systemctl', 'list-unit-files', '--no-legend', '--full'),
    env: OFFLINE,
  });
  const near = nearestName(
    unit,
    list.stdout.split('\n').map((line) => line.split(/\s/, 1)[0] ?? ''),
  );
  return programFailure('systemctl', run, {
    message: `cannot ${verb} "${unit}": the image has no such unit`,
    hint:
      near === undefined ? 'Install the package that brings it in a step below.' : `Did you mean "${near}"?`,
  });
}
