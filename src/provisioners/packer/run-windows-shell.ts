import type { Machine } from '../../builders/machine.ts';
import { capture, type Result } from '../../diagnostics/failure.ts';
import type { StepRunContext } from '../provisioner.ts';
import { type Clock, REAL_CLOCK } from './clock.ts';
import { durationMs } from './durations.ts';
import { flattenVariables } from './environment.ts';
import { RemoteShell } from './remote-shell.ts';
import { checkExitCode, inlineName, isGiven, readScript } from './scripts.ts';
import type { PackerWindowsShellOptions } from './windows-shell.ts';

const START_RETRY_MS = 300_000;

/** Uploads the batch file and runs it. It stays in the machine, as with Packer. */
export async function runPackerWindowsShell(
  options: PackerWindowsShellOptions,
  machine: Machine,
  context: StepRunContext,
  clock: Clock = REAL_CLOCK,
): Promise<Result<void>> {
  return await capture(async () => {
    const remote = await RemoteShell.open(options, machine, context, clock);
    const { script, inline = [], env_var_format: format, execute_command: template } = remote.options;
    context.log('Provisioning with windows-shell...');
    const content = isGiven(script)
      ? await readScript(script, context)
      : Buffer.from(inline.map((line) => `${line}\n`).join(''));
    context.log(
      `Provisioning with shell script: ${isGiven(script) ? script : inlineName('windows-shell-provisioner', content)}`,
    );
    const path = remote.options.remote_path || 'c:/Windows/Temp/script.bat';
    const variables = flattenVariables(
      remote.options,
      remote.facts,
      format || 'set "%s=%s" && ',
      (value) => value,
    );
    const command = remote.render(template || '{{.Vars}}"{{.Path}}"', { Vars: variables, Path: path });
    const { code } = await remote.retry(
      durationMs(remote.options.start_retry_timeout, START_RETRY_MS),
      async () => {
        await remote.upload({ content }, path);
        return await remote.run(command);
      },
    );
    checkExitCode(code, remote.options.valid_exit_codes);
  });
}
