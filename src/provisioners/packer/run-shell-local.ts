import type { Machine } from '../../builders/machine.ts';
import { capture, type Result } from '../../diagnostics/failure.ts';
import { fillLateValues } from '../../model/late-value.ts';
import type { StepRunContext } from '../provisioner.ts';
import { factOf } from './render.ts';
import { runLocalScripts } from './local-scripts.ts';
import type { PackerShellLocalOptions } from './shell-local.ts';

/** Runs the scripts of a step on this host. */
export async function runShellLocalStep(
  options: PackerShellLocalOptions,
  machine: Machine,
  context: StepRunContext,
): Promise<Result<void>> {
  const facts = 'facts' in machine ? (machine.facts as Readonly<Record<string, string>>) : {};
  return await capture(async () => {
    const filled = await fillLateValues(options, (sort, name) =>
      sort === 'secret' ? context.secret(name) : factOf(facts, name),
    );
    await runLocalScripts(filled, {
      facts,
      directory: context.resolvePath('.'),
      environment: process.env,
      signal: context.signal,
      say: context.log,
      output: context.output,
    });
  });
}
