import type { Machine } from '../../builders/machine.ts';
import { capture, FailureError, unwrap, type Result } from '../../diagnostics/failure.ts';
import { nearestName } from '../../diagnostics/nearest-name.ts';
import type { StepRunContext } from '../provisioner.ts';
import { mustRun, programFailure, runProgram, shellCommand } from '../run-program.ts';
import type { TimezoneOptions } from '../timezone.ts';

/** Names that mean UTC, which a system without time zone database has. */
const UTC = ['UTC', 'Etc/UTC'];

/** Links /etc/localtime and writes /etc/timezone. Fails with `step-failed`. */
export function runTimezoneStep(
  options: TimezoneOptions,
  machine: Machine,
  _context: StepRunContext,
): Promise<Result<void>> {
  return capture(async () => {
    const zone = options.timezone;
    const linking = await runProgram(machine, shellCommand(LINK_SCRIPT, zone));
    const { outcome } = linking;
    if (outcome.type === 'exited' && outcome.code === NO_SUCH_ZONE) await withoutZone(zone, machine);
    else if (outcome.type !== 'exited' || outcome.code !== 0)
      throw new FailureError(programFailure('linking /etc/localtime', linking));
    await machine.writeFile('/etc/timezone', `${zone}\n`, { mode: 0o644 });
  });
}

async function withoutZone(zone: string, machine: Machine): Promise<void> {
  const zones = await runProgram(machine, shellCommand(LIST_SCRIPT));
  const names = zones.stdout.split('\n').filter((name) => name !== '');
  if (!UTC.includes(zone) || names.length > 0) throw new FailureError(unknownZone(zone, names));
  unwrap(await mustRun(machine, { argv: ['rm', '-f', '/etc/localtime'] }, 'rm'));
}

function unknownZone(zone: string, names: readonly string[]) {
  if (names.length === 0) {
    return {
      reason: 'step-failed' as const,
      message: `the time zone ${zone} cannot be set: the image has no time zone database`,
      hint: 'Install the package tzdata in a step below.',
    };
  }
  const near = nearestName(zone, names);
  return {
    reason: 'step-failed' as const,
    message: `there is no time zone "${zone}"`,
    ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }),
  };
}

const NO_SUCH_ZONE = 44;
// Zones begin with a capital; the folder holds lists and rules besides.
const LINK_SCRIPT = `case "\${1##*/}" in [A-Z]*) ;; *) exit ${NO_SUCH_ZONE} ;; esac
[ -f "/usr/share/zoneinfo/$1" ] || exit ${NO_SUCH_ZONE}
ln -sfn "/usr/share/zoneinfo/$1" /etc/localtime`;
const LIST_SCRIPT = `[ ! -d /usr/share/zoneinfo ] || { cd /usr/share/zoneinfo; find . ! -type d -name '[A-Z]*' | sed 's|^[.]/||'; }`;
